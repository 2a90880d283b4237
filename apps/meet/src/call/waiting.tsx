/** What stands on an empty stage: joining, alone, or only listeners around. */
import { Link as LinkIcon, LoaderCircle } from "lucide-react";
import { useI18n } from "../i18n/index.tsx";
import { linkTo } from "../router.ts";
import { CopyButton } from "../ui/copy-button.tsx";
import { useAfter } from "../ui/use-after.ts";
import styles from "./call-screen.module.css";
import type { Call } from "./model.ts";

export function Waiting({ call, joining, alone }: { readonly call: Call; readonly joining: boolean; readonly alone: boolean }) {
  const { t } = useI18n();
  const late = useAfter(joining);
  if (joining) {
    return (
      <div className={styles.waiting} role="status">
        <LoaderCircle size={28} className={styles.turning} aria-hidden="true" />
        <h2>{t("room.joining", { room: call.title })}</h2>
        {late ? <p>{t("room.joining.reason")}</p> : null}
      </div>
    );
  }
  const invite = call.invite(false);
  if (!alone || invite === undefined) return alone ? null : <div className={styles.waiting}>{t("room.listeners-only")}</div>;
  const link = linkTo(invite);
  return (
    <div className={styles.waiting}>
      <h2>{t("room.alone")}</h2>
      <p>{t("room.alone.text")}</p>
      <span className={styles.link} translate="no">
        {link}
      </span>
      <CopyButton look="primary" size="large" icon={LinkIcon} text={link} label={t("invite.copy")} />
    </div>
  );
}
