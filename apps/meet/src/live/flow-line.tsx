/** One line of numbers under the picture: its delay, its quality, the network. */
import { formatBitrate, formatMs, formatPercent } from "../i18n/format.ts";
import { useI18n } from "../i18n/index.tsx";
import styles from "./watch.module.css";
import type { WatchingState } from "./watching.ts";

export function FlowLine({ state }: { readonly state: WatchingState }) {
  const { t, locale } = useI18n();
  const { flow, layer } = state;
  const facts =
    flow === undefined
      ? [t("stats.waiting")]
      : [
          flow.width === undefined ? "" : `${flow.width}×${flow.height ?? "?"}, ${Math.round(flow.fps ?? 0)} fps`,
          formatBitrate(flow.bps, locale),
          flow.delayMs === undefined ? "" : t("watch.delay", { delay: formatMs(flow.delayMs, locale) }),
          flow.rttMs === undefined ? "" : `${t("stats.rtt")} ${formatMs(flow.rttMs, locale)}`,
          `${t("stats.loss")} ${formatPercent(flow.loss, locale)}`,
          layer === null
            ? ""
            : `${t("stats.layer")} ${t("stats.layer.value", {
                encoding: layer.encoding + 1,
                encodings: layer.encodings,
                temporal: layer.temporal,
              })}`,
        ].filter((fact) => fact !== "");
  return (
    <p className={styles.numbers} role="note" aria-label={t("stats.title")}>
      {facts.join(" · ")}
    </p>
  );
}
