/** One picture on the stage: somebody's camera or screen, with name, state, network and pin. */
import { Headphones, ImageOff, LoaderCircle, Lock, LockOpen, MicOff, MonitorUp, Pin, PinOff, WifiOff } from "lucide-react";
import { type CSSProperties, memo, useCallback, useState } from "react";
import { useI18n } from "../i18n/index.tsx";
import type { ConnectionStats, QualityReason } from "../sdk.ts";
import { useField } from "../state/store.ts";
import { Avatar } from "../ui/avatar.tsx";
import { classes, IconButton } from "../ui/button.tsx";
import { useAfter } from "../ui/use-after.ts";
import { Video } from "../ui/video.tsx";
import { attachStream } from "./base-call.ts";
import type { Box } from "./grid.ts";
import type { Call, Participant } from "./model.ts";
import type { PictureLayer } from "./path.ts";
import { QualityBars } from "./quality-bars.tsx";
import styles from "./tile.module.css";
import { TileStats } from "./tile-stats.tsx";
import { useVoice } from "./voices.ts";

export type TileSource = "camera" | "screen";

type TileProps = {
  readonly call: Call;
  readonly participant: Participant;
  readonly source: TileSource;
  /** `undefined`: no room for the picture. */
  readonly box: Box | undefined;
  readonly pinned: boolean;
  readonly self: boolean;
  readonly selfSpeaking: boolean;
  /** `undefined`: not wanted. `null`: wanted, not there yet. */
  readonly stats: ConnectionStats | null | undefined;
  readonly layer: PictureLayer | undefined;
  readonly onPin: (key: string) => void;
  /** Width through height of the picture, once known. */
  readonly onRatio: (key: string, ratio: number) => void;
};

export const Tile = memo(function Tile(props: TileProps) {
  const { call, participant, source, box, pinned, self, selfSpeaking, stats, layer, onPin, onRatio } = props;
  const { t } = useI18n();
  const { id, link, receiveOnly, microphoneOn, cameraOn, quality, held, locked, pictured } = participant;
  const key = `${id}/${source}`;
  const name = participant.name === "" ? t("notice.unnamed") : participant.name;
  const isScreen = source === "screen";
  const stream = isScreen ? participant.screen : participant.camera;
  const [upright, setUpright] = useState(false);
  const late = useAfter(link === "connecting");
  // One connection serves all: what is said of it once, in a banner, is not said in each tile.
  const mode = useField(call.path, "mode");
  const heard = useVoice(call.voices, id);
  const unreadable = locked === false;
  const speaking = !isScreen && !unreadable && (selfSpeaking || (heard && microphoneOn));
  const picture =
    stream !== null &&
    !unreadable &&
    (isScreen || (cameraOn && held === undefined && pictured !== false)) &&
    stream.getVideoTracks().length > 0;
  const height = box?.height ?? 0;
  const withheld = held !== undefined && cameraOn && !isScreen && link === "connected";
  const attach = useCallback(
    (element: HTMLVideoElement, of: MediaStream) => (self ? attachStream(element, of) : call.attach(element, of)),
    [call, self],
  );

  const onSize = useCallback(
    (width: number, height: number) => {
      setUpright(height > width);
      if (width > 0 && height > 0) onRatio(key, width / height);
    },
    [key, onRatio],
  );

  const shownName = isScreen ? t("tile.screen", { name }) : self ? t("call.you.name", { name }) : name;
  const details = [
    t(microphoneOn ? "tile.unmuted" : "tile.muted"),
    speaking ? t("tile.speaking") : "",
    receiveOnly ? t("tile.listens") : "",
    link === "connected" ? "" : t(`tile.${link}`),
    held === undefined ? "" : t(`held.${heldWord(held)}`),
    locked === undefined ? "" : t(locked ? "lock.on" : "lock.failed"),
  ].filter((part) => part !== "");
  const style: CSSProperties =
    box === undefined ? {} : { width: box.width, height: box.height, translate: `${box.x}px ${box.y}px` };

  return (
    <li
      className={classes(styles.tile, speaking && styles.speaking, box === undefined && styles.hidden)}
      style={style}
      aria-label={isScreen ? shownName : t("tile.label", { name: shownName, details: details.join(", ") })}
      data-tile={key}
      data-state={link}
      onDoubleClick={() => onPin(key)}
    >
      {picture ? null : <Avatar name={name} size={Math.max(40, Math.min(112, Math.round(height * 0.4)))} />}
      {stream === null ? null : (
        <Video
          stream={stream}
          muted
          mirrored={self}
          attach={attach}
          className={classes(styles.video, (isScreen || upright) && styles.whole, !picture && styles.dark)}
          onSize={onSize}
        />
      )}
      {link === "connected" || isScreen || (mode === "sfu" && link === "reconnecting") ? null : (
        <div className={styles.state}>
          {link === "failed" ? (
            <WifiOff size={24} aria-hidden="true" />
          ) : (
            <LoaderCircle size={24} className={styles.turning} aria-hidden="true" />
          )}
          <span>{t(`tile.${link}`)}</span>
          {late && height > 160 ? <span>{t("tile.connecting.reason")}</span> : null}
          {link === "failed" && height > 160 ? <span>{t("tile.failed.text")}</span> : null}
        </div>
      )}
      {unreadable && height >= 200 ? <p className={styles.held}>{t("lock.failed.text")}</p> : null}
      {!withheld || unreadable || height < 200 ? null : <p className={styles.held}>{t(`held.${heldWord(held)}`)}</p>}
      {self ? null : (
        <IconButton
          className={classes(styles.pin, pinned && styles.pinned)}
          icon={pinned ? PinOff : Pin}
          label={t(pinned ? "tile.unpin" : "tile.pin", { name })}
          tip="below"
          onClick={() => onPin(key)}
        />
      )}
      {stats === undefined ? null : (
        <TileStats name={shownName} stats={stats ?? undefined} layer={layer} screen={isScreen} height={height} />
      )}
      <div className={styles.foot}>
        <span className={styles.name}>
          {isScreen ? (
            <MonitorUp size={16} aria-hidden="true" />
          ) : receiveOnly ? (
            <Headphones size={16} aria-hidden="true" />
          ) : microphoneOn ? null : (
            <MicOff size={16} className={styles.muted} aria-hidden="true" />
          )}
          {locked === undefined || isScreen ? null : locked ? (
            <Lock size={14} aria-hidden="true" />
          ) : (
            <LockOpen size={14} className={styles.muted} aria-hidden="true" />
          )}
          {withheld && height < 200 ? <ImageOff size={14} className={styles.muted} aria-hidden="true" /> : null}
          <span>{shownName}</span>
        </span>
        {isScreen || self ? null : <QualityBars quality={quality} />}
      </div>
    </li>
  );
});

/** What the server holds a picture back for, in the words that the app has for it. */
function heldWord(reason: QualityReason): "bandwidth" | "last-n" | "codec" {
  return reason === "last-n" || reason === "codec" ? reason : "bandwidth";
}
