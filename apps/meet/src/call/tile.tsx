/** One picture on the stage: somebody's camera or screen, with name, state, network and pin. */
import { Headphones, LoaderCircle, MicOff, MonitorUp, Pin, PinOff, WifiOff } from "lucide-react";
import { type CSSProperties, memo, useCallback, useEffect, useState } from "react";
import { useI18n } from "../i18n/index.tsx";
import type { ConnectionStats } from "../sdk.ts";
import { Avatar } from "../ui/avatar.tsx";
import { classes, IconButton } from "../ui/button.tsx";
import { useAfter } from "../ui/use-after.ts";
import { Video } from "../ui/video.tsx";
import type { Box } from "./grid.ts";
import type { Participant } from "./model.ts";
import { QualityBars } from "./quality-bars.tsx";
import styles from "./tile.module.css";
import { TileStats } from "./tile-stats.tsx";
import { useSpeaking } from "./use-speaking.ts";

export type TileSource = "camera" | "screen";

type TileProps = {
  readonly participant: Participant;
  readonly source: TileSource;
  /** `undefined`: no room for the picture; the sound goes on. */
  readonly box: Box | undefined;
  readonly pinned: boolean;
  readonly self?: boolean;
  readonly speaker?: string | undefined;
  /** `undefined`: not wanted. `null`: wanted, not there yet. */
  readonly stats: ConnectionStats | null | undefined;
  readonly onPin: () => void;
  /** Width through height of the picture, once known. */
  readonly onRatio: (key: string, ratio: number) => void;
  readonly onSpeaking: (id: string) => void;
  readonly onBlocked: (retry: () => void) => void;
};

export const Tile = memo(function Tile(props: TileProps) {
  const { participant, source, box, pinned, self = false, stats, speaker, onPin, onRatio, onSpeaking, onBlocked } = props;
  const { t } = useI18n();
  const { id, link, receiveOnly, microphoneOn, cameraOn, quality } = participant;
  const name = participant.name === "" ? t("notice.unnamed") : participant.name;
  const isScreen = source === "screen";
  const stream = isScreen ? participant.screen : participant.camera;
  const [upright, setUpright] = useState(false);
  const late = useAfter(link === "connecting");
  const speaking = useSpeaking(isScreen ? null : stream, microphoneOn);
  const picture = stream !== null && (isScreen || cameraOn) && stream.getVideoTracks().length > 0;

  useEffect(() => {
    if (speaking && !self) onSpeaking(id);
  }, [speaking, self, id, onSpeaking]);
  const onSize = useCallback(
    (width: number, height: number) => {
      setUpright(height > width);
      if (width > 0 && height > 0) onRatio(`${id}/${source}`, width / height);
    },
    [id, source, onRatio],
  );

  const shownName = isScreen ? t("tile.screen", { name }) : self ? t("call.you.name", { name }) : name;
  const details = [
    t(microphoneOn ? "tile.unmuted" : "tile.muted"),
    speaking ? t("tile.speaking") : "",
    receiveOnly ? t("tile.listens") : "",
    link === "connected" ? "" : t(`tile.${link}`),
  ].filter((part) => part !== "");
  const style: CSSProperties =
    box === undefined ? {} : { width: box.width, height: box.height, translate: `${box.x}px ${box.y}px` };

  return (
    <li
      className={classes(styles.tile, speaking && styles.speaking, box === undefined && styles.hidden)}
      style={style}
      aria-label={isScreen ? shownName : t("tile.label", { name: shownName, details: details.join(", ") })}
      data-tile={`${id}/${source}`}
      data-state={link}
      onDoubleClick={onPin}
    >
      {picture ? null : <Avatar name={name} size={Math.max(40, Math.min(112, Math.round((box?.height ?? 0) * 0.4)))} />}
      {stream === null ? null : (
        <Video
          stream={stream}
          muted={self}
          mirrored={self}
          speaker={speaker}
          className={classes(styles.video, (isScreen || upright) && styles.whole, !picture && styles.dark)}
          onBlocked={onBlocked}
          onSize={onSize}
        />
      )}
      {link === "connected" || isScreen ? null : (
        <div className={styles.state}>
          {link === "failed" ? (
            <WifiOff size={24} aria-hidden="true" />
          ) : (
            <LoaderCircle size={24} className={styles.turning} aria-hidden="true" />
          )}
          <span>{t(`tile.${link}`)}</span>
          {late && (box?.height ?? 0) > 160 ? <span>{t("tile.connecting.reason")}</span> : null}
          {link === "failed" && (box?.height ?? 0) > 160 ? <span>{t("tile.failed.text")}</span> : null}
        </div>
      )}
      {self ? null : (
        <IconButton
          className={classes(styles.pin, pinned && styles.pinned)}
          icon={pinned ? PinOff : Pin}
          label={t(pinned ? "tile.unpin" : "tile.pin", { name })}
          tip="below"
          onClick={onPin}
        />
      )}
      {stats === undefined || isScreen ? null : <TileStats stats={stats ?? undefined} />}
      <div className={styles.foot}>
        <span className={styles.name}>
          {isScreen ? (
            <MonitorUp size={16} aria-hidden="true" />
          ) : receiveOnly ? (
            <Headphones size={16} aria-hidden="true" />
          ) : microphoneOn ? null : (
            <MicOff size={16} className={styles.muted} aria-hidden="true" />
          )}
          <span>{shownName}</span>
        </span>
        {isScreen || self ? null : <QualityBars quality={quality} />}
      </div>
    </li>
  );
});
