/** What stands in the player when there is no picture, and why. */
import { LoaderCircle, Radio, Volume2 } from "lucide-react";
import { useI18n } from "../i18n/index.tsx";
import { Button } from "../ui/button.tsx";
import { ErrorBox } from "../ui/error-box.tsx";
import { useAfter } from "../ui/use-after.ts";
import styles from "./watch.module.css";
import type { WatchingState } from "./watching.ts";

export function PlayerWord({ state, onRetry }: { readonly state: WatchingState; readonly onRetry: () => void }) {
  const { t } = useI18n();
  const { phase, air, main, error, serverLink } = state;
  const lateJoining = useAfter(phase === "joining");
  const noPicture = phase === "in" && air === "live" && main === null;
  const latePicture = useAfter(noPicture);
  if (phase === "failed") {
    return (
      <div className={styles.word}>
        <h2>{t("watch.failed")}</h2>
        {error === undefined ? null : <ErrorBox error={error} />}
        <Button look="primary" size="large" onClick={onRetry}>
          {t("action.retry")}
        </Button>
      </div>
    );
  }
  const waiting = <LoaderCircle size={28} className={styles.turning} aria-hidden="true" />;
  if (phase === "joining") {
    return (
      <div className={styles.word} role="status">
        {waiting}
        <h2>{t("watch.joining")}</h2>
        {lateJoining ? <p>{t("room.joining.reason")}</p> : null}
      </div>
    );
  }
  if (serverLink.state === "reconnecting" && air !== "live") {
    return (
      <div className={styles.word} role="status">
        {waiting}
        <h2>{t("call.reconnecting")}</h2>
      </div>
    );
  }
  switch (air) {
    case "waiting":
      return (
        <div className={styles.word} role="status">
          <Radio size={40} aria-hidden="true" />
          <h2>{t("watch.waiting")}</h2>
          <p>{t("watch.waiting.text")}</p>
        </div>
      );
    case "over":
      return (
        <div className={styles.word} role="status">
          <h2>{t("watch.over")}</h2>
          <p>{t("watch.over.text")}</p>
        </div>
      );
    case "interrupted":
      return (
        <div className={styles.word} role="status">
          {waiting}
          <h2>{t("watch.interrupted")}</h2>
          <p>{t("watch.interrupted.text")}</p>
        </div>
      );
    case "live":
      if (main === null) {
        return (
          <div className={styles.word} role="status">
            {waiting}
            <h2>{t("watch.starting")}</h2>
            {latePicture ? <p>{t("tile.connecting.reason")}</p> : null}
          </div>
        );
      }
      return main.getVideoTracks().length > 0 ? null : (
        <div className={styles.word}>
          <Volume2 size={40} aria-hidden="true" />
          <h2>{t("watch.sound-only")}</h2>
        </div>
      );
  }
}
