/** The own picture: small, in a corner of the stage, moved by pointer or arrow keys. */
import { EyeOff, MicOff } from "lucide-react";
import { type CSSProperties, type KeyboardEvent, type PointerEvent, useRef, useState } from "react";
import { useI18n } from "../i18n/index.tsx";
import { useField, useStore } from "../state/store.ts";
import { Avatar } from "../ui/avatar.tsx";
import { classes } from "../ui/button.tsx";
import { useServices } from "../ui/services.ts";
import { useAfter } from "../ui/use-after.ts";
import { Video } from "../ui/video.tsx";
import { type Area, type Box, TILE_RATIO } from "./grid.ts";
import type { Call } from "./model.ts";
import styles from "./stage.module.css";
import { useSpeaking } from "./use-speaking.ts";

export type Corner = { readonly right: boolean; readonly bottom: boolean };

const MARGIN = 8;
/** Its width: this share of the stage's, within these pixels. */
const SHARE = 0.19;
const NARROWEST = 112;
const WIDEST = 240;

/** The corner nearest to the middle of a box at `x`, `y`. */
export function nearestCorner(x: number, y: number, size: Area, area: Area): Corner {
  return { right: x + size.width / 2 > area.width / 2, bottom: y + size.height / 2 > area.height / 2 };
}

const CORNERS: readonly Corner[] = [
  { right: true, bottom: false },
  { right: true, bottom: true },
  { right: false, bottom: true },
  { right: false, bottom: false },
];

/** The corner where it hides least of the others; top right when that is all the same, where no names and network bars are. */
export function freestCorner(boxes: readonly Box[], size: Area, area: Area): Corner {
  let best = CORNERS[0] as Corner;
  let least = Number.POSITIVE_INFINITY;
  for (const corner of CORNERS) {
    const x = corner.right ? area.width - size.width - MARGIN : MARGIN;
    const y = corner.bottom ? area.height - size.height - MARGIN : MARGIN;
    const shared = (from: number, length: number, other: number, otherLength: number) =>
      Math.max(0, Math.min(from + length, other + otherLength) - Math.max(from, other));
    const hidden = boxes.reduce(
      (sum, box) => sum + shared(x, size.width, box.x, box.width) * shared(y, size.height, box.y, box.height),
      0,
    );
    // A few pixels are no reason to jump.
    if (hidden < least - 100) {
      least = hidden;
      best = corner;
    }
  }
  return best;
}

export function cornerAfterKey(corner: Corner, key: string): Corner | undefined {
  switch (key) {
    case "ArrowLeft":
      return { ...corner, right: false };
    case "ArrowRight":
      return { ...corner, right: true };
    case "ArrowUp":
      return { ...corner, bottom: false };
    case "ArrowDown":
      return { ...corner, bottom: true };
    default:
      return undefined;
  }
}

type SelfViewProps = {
  readonly call: Call;
  readonly area: Area;
  readonly boxes: readonly Box[];
  /** A place of its own among the tiles, where there is no room beside or over them. */
  readonly seat: Box | undefined;
  readonly name: string;
};

export function SelfView({ call, area, boxes, seat, name }: SelfViewProps) {
  const { t } = useI18n();
  const { media } = useServices();
  const { stream, camera, microphone, revision } = useStore(media.store);
  /** Where it was put by hand; until then it goes where it hides least. */
  const [placed, setCorner] = useState<Corner>();
  const [drag, setDrag] = useState<{ readonly x: number; readonly y: number }>();
  const ref = useRef<HTMLButtonElement>(null);
  const grip = useRef<{ readonly x: number; readonly y: number }>(undefined);
  const speaking = useSpeaking(stream, microphone === "on", revision);
  // Only after a while: between two pages nobody watches for a moment.
  const unwatched = useAfter(useField(call.path, "watched") === false && camera === "on");

  const width = Math.min(WIDEST, Math.max(NARROWEST, area.width * SHARE));
  const seated = placed === undefined && drag === undefined && seat !== undefined;
  const size: Area = seated ? { width: seat.width, height: seat.height } : { width, height: width / TILE_RATIO };
  const corner = placed ?? freestCorner(boxes, size, area);
  const onPointerDown = (event: PointerEvent<HTMLButtonElement>) => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    grip.current = { x: event.clientX - left, y: event.clientY - top };
    event.currentTarget.setPointerCapture(event.pointerId);
  };
  const onPointerMove = (event: PointerEvent<HTMLButtonElement>) => {
    const from = grip.current;
    const stage = ref.current?.parentElement?.getBoundingClientRect();
    if (from === undefined || stage === undefined) return;
    const clamp = (value: number, most: number) => Math.max(0, Math.min(most, value));
    setDrag({
      x: clamp(event.clientX - stage.left - from.x, area.width - size.width),
      y: clamp(event.clientY - stage.top - from.y, area.height - size.height),
    });
  };
  const onPointerUp = () => {
    grip.current = undefined;
    if (drag !== undefined) setCorner(nearestCorner(drag.x, drag.y, size, area));
    setDrag(undefined);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const next = cornerAfterKey(corner, event.key);
    if (next === undefined) return;
    event.preventDefault();
    setCorner(next);
  };

  const style: CSSProperties = seated
    ? { ...size, left: seat.x, top: seat.y }
    : drag === undefined
      ? {
          ...size,
          left: corner.right ? area.width - size.width - MARGIN : MARGIN,
          top: corner.bottom ? area.height - size.height - MARGIN : MARGIN,
        }
      : { ...size, left: drag.x, top: drag.y };
  return (
    <button
      ref={ref}
      type="button"
      className={classes(styles.self, drag !== undefined && styles.dragged, speaking && styles.speaking)}
      style={style}
      aria-label={t("tile.self.move")}
      title={unwatched ? t("tile.self.unwatched") : undefined}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={onPointerUp}
      onPointerCancel={onPointerUp}
      onKeyDown={onKeyDown}
    >
      {camera === "on" && stream !== null ? <Video stream={stream} muted mirrored /> : <Avatar name={name} size={40} />}
      <span className={styles.badge}>
        {microphone === "off" ? <MicOff size={14} aria-hidden="true" /> : null}
        {unwatched ? <EyeOff size={14} className={styles.quiet} aria-hidden="true" /> : null}
        {t("call.you")}
      </span>
      {unwatched ? (
        <span className="visually-hidden" role="status">
          {t("tile.self.unwatched")}
        </span>
      ) : null}
    </button>
  );
}
