/** The own camera before a call, with its two switches, in each state that it can be in. */
import { LoaderCircle, Mic, MicOff, Video as VideoIcon, VideoOff } from "lucide-react";
import { useI18n } from "../i18n/index.tsx";
import { useStore } from "../state/store.ts";
import { Avatar } from "../ui/avatar.tsx";
import { classes, IconButton } from "../ui/button.tsx";
import { useServices } from "../ui/services.ts";
import { useAfter } from "../ui/use-after.ts";
import { Video } from "../ui/video.tsx";
import styles from "./devices.module.css";

export function Preview({ name }: { readonly name: string }) {
  const { t } = useI18n();
  const { media } = useServices();
  const { status, stream, camera, microphone } = useStore(media.store);
  const asking = status === "asking";
  const late = useAfter(asking);
  return (
    <section className={styles.preview} aria-label={t("prejoin.preview")}>
      {camera === "on" && stream !== null && !asking ? (
        <Video stream={stream} muted mirrored />
      ) : (
        <div className={styles.waiting} role="status">
          {asking ? (
            <>
              <LoaderCircle size={28} className={styles.spinner} aria-hidden="true" />
              <p>{t("prejoin.asking")}</p>
              {late ? <p>{t("prejoin.asking.reason")}</p> : null}
            </>
          ) : (
            <>
              <Avatar name={name} size={72} />
              <p>{t("prejoin.camera.off")}</p>
            </>
          )}
        </div>
      )}
      <div className={styles.switches}>
        <IconButton
          className={classes(styles.switch, microphone === "off" && styles.off)}
          icon={microphone === "on" ? Mic : MicOff}
          label={t(microphone === "on" ? "call.mic.off" : "call.mic.on")}
          disabled={asking}
          onClick={() => void media.setMicrophone(microphone === "off")}
        />
        <IconButton
          className={classes(styles.switch, camera === "off" && styles.off)}
          icon={camera === "on" ? VideoIcon : VideoOff}
          label={t(camera === "on" ? "call.camera.off" : "call.camera.on")}
          disabled={asking}
          onClick={() => void media.setCamera(camera === "off")}
        />
      </div>
    </section>
  );
}
