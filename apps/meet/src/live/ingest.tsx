/** The addresses for programs that send (WHIP, RFC 9725: OBS, GStreamer, FFmpeg) or show (WHEP) without this page. */
import { useEffect, useState } from "react";
import { useI18n } from "../i18n/index.tsx";
import { loadPeerOptions } from "../state/config.ts";
import { settings } from "../state/settings.ts";
import { CopyButton } from "../ui/copy-button.tsx";
import styles from "./live.module.css";

export function Ingest({ room }: { readonly room: string }) {
  const { t } = useI18n();
  const [open, setOpen] = useState(false);
  const [token, setToken] = useState("");
  useEffect(() => {
    if (!open) return;
    let current = true;
    void loadPeerOptions(settings.get()).then((config) => {
      if (current && "options" in config) setToken(config.options.key);
    });
    return () => {
      current = false;
    };
  }, [open]);
  const address = (face: "whip" | "whep") => `${window.location.origin}/${face}/${encodeURIComponent(room)}`;
  return (
    <details className={styles.ingest} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("ingest.title")}</summary>
      <p className={styles.soft}>{t("ingest.text")}</p>
      <dl className={styles.fields}>
        <CopyField label={t("ingest.whip")} value={address("whip")} />
        <CopyField label={t("ingest.token")} value={token} />
        <CopyField label={t("ingest.whep")} value={address("whep")} />
      </dl>
      <p className={styles.soft}>{t("ingest.obs")}</p>
    </details>
  );
}

function CopyField({ label, value }: { readonly label: string; readonly value: string }) {
  const { t } = useI18n();
  return (
    <div className={styles.copyField}>
      <dt>{label}</dt>
      <dd>
        <code translate="no">{value === "" ? "…" : value}</code>
        <CopyButton size="small" text={value} label={t("ingest.copy")} aria-label={`${t("ingest.copy")}: ${label}`} />
      </dd>
    </div>
  );
}
