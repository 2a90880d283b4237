/** The way of the media as a whole, under the numbers of each tile. */
import { formatBitrate } from "../i18n/format.ts";
import { useI18n } from "../i18n/index.tsx";
import { useStore } from "../state/store.ts";
import styles from "./call-screen.module.css";
import type { Call } from "./model.ts";

export function PathBar({ call }: { readonly call: Call }) {
  const { t, locale } = useI18n();
  const { mode, transport, downlinkBps, watched } = useStore(call.path);
  const facts = [
    t(`path.${mode}`),
    mode === "mesh" || transport === undefined ? "" : t(`people.${transport}`),
    downlinkBps === undefined ? "" : t("path.downlink", { rate: formatBitrate(downlinkBps, locale) }),
    watched === undefined ? "" : t(watched ? "path.watched" : "path.unwatched"),
  ].filter((fact) => fact !== "");
  return (
    <section className={styles.path} aria-label={t("path.label")}>
      {facts.join(" · ")}
    </section>
  );
}
