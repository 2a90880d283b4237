/** The numbers of one connection over its tile. */
import { formatBitrate, formatMs, formatPercent } from "../i18n/format.ts";
import { type Translate, useI18n } from "../i18n/index.tsx";
import type { ConnectionStats, TrackStats } from "../sdk.ts";
import type { PictureLayer } from "./path.ts";
import styles from "./tile.module.css";

type TileStatsProps = {
  readonly name: string;
  readonly stats: ConnectionStats | undefined;
  readonly layer: PictureLayer | undefined;
  /** The connection's numbers stand over the camera of the same person. */
  readonly screen: boolean;
  /** Of the tile: in a small one there is only room for what matters most. */
  readonly height: number;
};

export function TileStats({ name, stats, layer, screen, height }: TileStatsProps) {
  const { t, locale } = useI18n();
  if (screen) return layer === undefined ? null : <Rows name={name} rows={layerRows(layer, t)} />;
  if (stats === undefined) return <div className={styles.stats}>{t("stats.waiting")}</div>;
  if (height < 200) return <Lines name={name} lines={shortLines(stats, layer, t, locale).slice(0, height < 110 ? 2 : 3)} />;
  const { audio, video } = stats;
  const none = t("stats.none");
  const sum = (...tracks: readonly (TrackStats | undefined)[]) =>
    tracks.reduce((total, track) => total + (track?.bitrateBps ?? 0), 0);
  const loss = Math.max(audio.receive?.packetLoss ?? 0, video.receive?.packetLoss ?? 0);
  const jitter = video.receive?.jitterMs ?? audio.receive?.jitterMs;
  const picture = video.receive ?? video.send;
  const codecs = [video.receive?.codec ?? video.send?.codec, audio.receive?.codec ?? audio.send?.codec].filter(
    (codec) => codec !== undefined,
  );
  const path =
    stats.localCandidate === undefined
      ? none
      : `${stats.localCandidate.type} → ${stats.remoteCandidate?.type ?? "?"}, ${stats.localCandidate.protocol.toUpperCase()}, ${t(
          stats.relayed === true ? "stats.relay" : "stats.direct",
        )}`;
  const rows: readonly (readonly [string, string])[] = [
    [t("stats.receive"), formatBitrate(sum(audio.receive, video.receive), locale)],
    [t("stats.send"), formatBitrate(sum(audio.send, video.send), locale)],
    [t("stats.loss"), formatPercent(loss, locale)],
    [t("stats.rtt"), stats.rttMs === undefined ? none : formatMs(stats.rttMs, locale)],
    [t("stats.jitter"), jitter === undefined ? none : formatMs(jitter, locale)],
    [
      t("stats.video"),
      picture?.width === undefined
        ? none
        : `${picture.width}×${picture.height ?? "?"}, ${Math.round(picture.framesPerSecond ?? 0)} fps`,
    ],
    ...(layer === undefined ? [] : layerRows(layer, t)),
    [t("stats.codec"), codecs.length === 0 ? none : codecs.join(", ")],
    [t("stats.path"), path],
  ];
  return <Rows name={name} rows={rows} />;
}

type Row = readonly [string, string];

/** Which of the sender's encodings arrives, and why it is not the best one. */
function layerRows({ layer, reason }: PictureLayer, t: Translate): readonly Row[] {
  return [
    [
      t("stats.layer"),
      layer === null
        ? t("stats.none")
        : t("stats.layer.value", { encoding: layer.encoding + 1, encodings: layer.encodings, temporal: layer.temporal }),
    ],
    ...(reason === "none" ? [] : [[t("stats.reason"), t(`reason.${reason}`)] as const]),
  ];
}

/** Three lines, for tiles in which a table would hide the face. */
function shortLines(stats: ConnectionStats, layer: PictureLayer | undefined, t: Translate, locale: string): readonly string[] {
  const { width, height, framesPerSecond, bitrateBps } = stats.video.receive ?? {};
  const { layer: sent, reason } = layer ?? { layer: null, reason: "none" };
  return [
    width === undefined ? t("stats.none") : `${width}×${height ?? "?"}, ${Math.round(framesPerSecond ?? 0)} fps`,
    [
      sent === null
        ? ""
        : t("stats.layer.short", { encoding: sent.encoding + 1, encodings: sent.encodings, temporal: sent.temporal }),
      formatBitrate(bitrateBps ?? sent?.bps ?? 0, locale),
    ]
      .filter((part) => part !== "")
      .join(" · "),
    reason === "none" ? "" : t(`reason.${reason}`),
  ].filter((line) => line !== "");
}

function Lines({ name, lines }: { readonly name: string; readonly lines: readonly string[] }) {
  const { t } = useI18n();
  return (
    <section className={styles.stats} aria-label={t("stats.of", { name })}>
      {lines.map((line) => (
        <p key={line}>{line}</p>
      ))}
    </section>
  );
}

function Rows({ name, rows }: { readonly name: string; readonly rows: readonly Row[] }) {
  const { t } = useI18n();
  return (
    // It scrolls in a small tile, so the keyboard must reach it.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region
    <section className={styles.stats} aria-label={t("stats.of", { name })} tabIndex={0}>
      <dl>
        {rows.map(([label, value]) => (
          <div key={label} style={{ display: "contents" }}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
