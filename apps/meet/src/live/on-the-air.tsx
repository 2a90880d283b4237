/** On the air: what goes out, how it goes, who watches, and the way to stop. */
import { CircleStop, Eye, Link as LinkIcon, LoaderCircle, Mic, MicOff, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { Preview } from "../devices/preview.tsx";
import { formatBitrate, formatMs, formatPercent } from "../i18n/format.ts";
import { useI18n } from "../i18n/index.tsx";
import { linkTo } from "../router.ts";
import { settings } from "../state/settings.ts";
import { useField, useStore } from "../state/store.ts";
import { Button, classes } from "../ui/button.tsx";
import { Clock } from "../ui/clock.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { QrCode } from "../ui/qr-code.tsx";
import { useServices } from "../ui/services.ts";
import { useAfter } from "../ui/use-after.ts";
import { Video } from "../ui/video.tsx";
import { Shell } from "../views/shell.tsx";
import type { Broadcast } from "./broadcast.ts";
import { healthOf } from "./flow.ts";
import styles from "./live.module.css";
import type { SetupChoice } from "./setup.tsx";

export function OnTheAir({ broadcast, choice }: { readonly broadcast: Broadcast; readonly choice: SetupChoice }) {
  const { t } = useI18n();
  const { media } = useServices();
  const { phase, since, viewers, serverLink } = useStore(broadcast.store);
  const name = useField(settings, "name");
  const microphone = useField(media.store, "microphone");
  const [asking, setAsking] = useState(false);
  const starting = phase === "starting";
  const late = useAfter(starting);
  const { room, title, screen } = choice;
  const link = linkTo({ view: "watch", room });
  const heading = title === "" ? t("studio.live") : title;
  const stop = () => (viewers > 0 ? setAsking(true) : void broadcast.stop());

  return (
    <Shell title={heading}>
      <div className={styles.studio}>
        <div className={styles.head}>
          <h1>{heading}</h1>
          <p className={styles.facts}>
            {starting ? (
              <span className={styles.fact} role="status">
                <LoaderCircle size={16} className={styles.turning} aria-hidden="true" />
                {t("studio.starting")}
                {late ? ` ${t("room.joining.reason")}` : ""}
              </span>
            ) : (
              <>
                <span className={styles.badge}>{t("live.badge")}</span>
                {since === undefined ? null : <Clock since={since} />}
                <span className={styles.fact}>
                  <Eye size={16} aria-hidden="true" />
                  {t("live.viewers", { count: viewers })}
                </span>
              </>
            )}
          </p>
        </div>
        <div className={styles.main}>
          {screen === null ? (
            <Preview name={name} />
          ) : (
            <div className={styles.picture}>
              <Video stream={screen} muted className={styles.whole} />
            </div>
          )}
          {serverLink.state === "reconnecting" ? (
            <p className={styles.warning} role="status">
              <LoaderCircle size={16} className={styles.turning} aria-hidden="true" />
              {t("studio.reconnecting")}
            </p>
          ) : null}
        </div>
        <div className={styles.side}>
          <HealthReport broadcast={broadcast} picture={screen !== null} />
          <section className={styles.share} aria-labelledby="share-title">
            <h2 id="share-title">{t("studio.share")}</h2>
            <div className={styles.shareRow}>
              <div className={styles.shareLink}>
                <a href={link} target="_blank" rel="noreferrer" translate="no">
                  {link}
                </a>
                <CopyButton look="primary" icon={LinkIcon} text={link} label={t("studio.share.copy")} />
              </div>
              <div className={styles.code}>
                <QrCode text={link} label={t("studio.share.qr")} />
              </div>
            </div>
          </section>
          <div className={styles.actions}>
            {screen === null ? null : (
              <Button
                wide
                icon={microphone === "on" ? Mic : MicOff}
                onClick={() => void media.setMicrophone(microphone === "off")}
              >
                {t(microphone === "on" ? "call.mic.off" : "call.mic.on")}
              </Button>
            )}
            <Button look="danger" size="large" wide icon={CircleStop} onClick={stop}>
              {t("studio.stop")}
            </Button>
          </div>
        </div>
      </div>
      {asking ? (
        <Dialog title={t("studio.stop.ask", { count: viewers })} onClose={() => setAsking(false)}>
          <p className={styles.soft}>{t("studio.stop.ask.text")}</p>
          <div className={styles.row}>
            <Button look="danger" onClick={() => void broadcast.stop()}>
              {t("studio.stop")}
            </Button>
            <Button onClick={() => setAsking(false)}>{t("studio.stop.not")}</Button>
          </div>
        </Dialog>
      ) : null}
    </Shell>
  );
}

function HealthReport({ broadcast, picture }: { readonly broadcast: Broadcast; readonly picture: boolean }) {
  const { t, locale } = useI18n();
  const { media } = useServices();
  const flow = useField(broadcast.store, "flow");
  const camera = useField(media.store, "camera");
  if (flow === undefined) return <p className={styles.soft}>{t("stats.waiting")}</p>;
  const health = healthOf(flow, picture || camera === "on");
  const rows: readonly (readonly [string, string])[] = [
    [t("stats.send"), formatBitrate(flow.bps, locale)],
    [
      t("stats.video"),
      flow.width === undefined ? t("stats.none") : `${flow.width}×${flow.height ?? "?"}, ${Math.round(flow.fps ?? 0)} fps`,
    ],
    [t("stats.loss"), formatPercent(flow.loss, locale)],
    [t("stats.rtt"), flow.rttMs === undefined ? t("stats.none") : formatMs(flow.rttMs, locale)],
  ];
  return (
    <section className={styles.health} aria-label={t("health.label")}>
      <p className={classes(styles.verdict, styles[health])} role="status">
        {health === "good" ? <span className={styles.dot} aria-hidden="true" /> : <TriangleAlert size={16} aria-hidden="true" />}
        {t(`health.${health}`)}
      </p>
      {flow.limit === "cpu" || flow.limit === "bandwidth" ? (
        <p className={styles.soft}>{t(`health.limit.${flow.limit}`)}</p>
      ) : null}
      <dl className={styles.numbers}>
        {rows.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
