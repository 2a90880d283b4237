/** What has to be said over the stage: connections that are being repaired, sound that is held back, the own screen. */
import { CircleCheck, LoaderCircle, MonitorUp, Volume2, X } from "lucide-react";
import { useI18n } from "../i18n/index.tsx";
import { useField, useStore } from "../state/store.ts";
import { Button, classes, IconButton } from "../ui/button.tsx";
import { ErrorBox } from "../ui/error-box.tsx";
import { useServices } from "../ui/services.ts";
import styles from "./call-screen.module.css";
import type { Call } from "./model.ts";

type BannersProps = {
  readonly call: Call;
  readonly returned: boolean;
  readonly talking: boolean;
  readonly soundBlocked: boolean;
  readonly onSound: () => void;
};

export function Banners({ call, returned, talking, soundBlocked, onSound }: BannersProps) {
  const { t } = useI18n();
  const { media } = useServices();
  const { serverLink, screen, phase } = useStore(call.store);
  const transport = useField(call.path, "transport");
  const { error } = useStore(media.store);
  const away = phase === "live" && serverLink.state === "up" && (transport === "reconnecting" || transport === "failed");
  return (
    <div className={styles.banners}>
      {serverLink.state === "reconnecting" ? (
        <div className={styles.banner} role="status">
          <LoaderCircle size={16} className={styles.turning} aria-hidden="true" />
          <span>{t("call.reconnecting")}</span>
          {serverLink.attempt > 1 ? (
            <span className={styles.soft}>{t("call.reconnecting.attempt", { attempt: serverLink.attempt })}</span>
          ) : null}
        </div>
      ) : null}
      {away ? (
        <div className={styles.banner} role="status">
          <LoaderCircle size={16} className={styles.turning} aria-hidden="true" />
          <span>{t("call.media.reconnecting")}</span>
        </div>
      ) : null}
      {returned ? (
        <div className={styles.banner} role="status">
          <CircleCheck size={16} aria-hidden="true" />
          {t("call.reconnected")}
        </div>
      ) : null}
      {screen === null ? null : (
        <div className={styles.banner}>
          <MonitorUp size={16} aria-hidden="true" />
          <span>{t("call.sharing")}</span>
          <Button size="small" onClick={() => call.stopScreen()}>
            {t("call.share.stop")}
          </Button>
        </div>
      )}
      {soundBlocked ? (
        <div className={styles.banner} role="alert">
          <Volume2 size={16} aria-hidden="true" />
          <span>{t("call.sound.blocked")}</span>
          <Button size="small" look="primary" onClick={onSound}>
            {t("call.sound.play")}
          </Button>
        </div>
      ) : null}
      {talking ? (
        <div className={styles.banner} role="status">
          {t("call.talking")}
        </div>
      ) : null}
      {error === undefined || call.receiveOnly ? null : (
        <div className={classes(styles.toast, styles.failure)}>
          <ErrorBox error={error} />
          <IconButton icon={X} label={t("action.dismiss")} tip="left" onClick={() => media.dismissError()} />
        </div>
      )}
    </div>
  );
}
