/** The own picture: small, in a corner of the stage, moved by pointer or arrow keys. */
import { MicOff } from "lucide-react";
import { type CSSProperties, type KeyboardEvent, type PointerEvent, useRef, useState } from "react";
import { useI18n } from "../i18n/index.tsx";
import { useStore } from "../state/store.ts";
import { Avatar } from "../ui/avatar.tsx";
import { classes } from "../ui/button.tsx";
import { useServices } from "../ui/services.ts";
import { Video } from "../ui/video.tsx";
import type { Area } from "./grid.ts";
import styles from "./stage.module.css";
import { useSpeaking } from "./use-speaking.ts";

export type Corner = { readonly right: boolean; readonly bottom: boolean };

const MARGIN = 8;

/** The corner nearest to the middle of a box at `x`, `y`. */
export function nearestCorner(x: number, y: number, size: Area, area: Area): Corner {
  return { right: x + size.width / 2 > area.width / 2, bottom: y + size.height / 2 > area.height / 2 };
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

export function SelfView({ area, name }: { readonly area: Area; readonly name: string }) {
  const { t } = useI18n();
  const { media } = useServices();
  const { stream, camera, microphone, revision } = useStore(media.store);
  // Top right, where it covers neither names nor network bars.
  const [corner, setCorner] = useState<Corner>({ right: true, bottom: false });
  const [drag, setDrag] = useState<{ readonly x: number; readonly y: number }>();
  const ref = useRef<HTMLButtonElement>(null);
  const grip = useRef<{ readonly x: number; readonly y: number }>(undefined);
  const speaking = useSpeaking(stream, microphone === "on", revision);

  const size = (): Area => ({ width: ref.current?.offsetWidth ?? 0, height: ref.current?.offsetHeight ?? 0 });
  const onPointerDown = (event: PointerEvent<HTMLButtonElement>) => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    grip.current = { x: event.clientX - left, y: event.clientY - top };
    event.currentTarget.setPointerCapture(event.pointerId);
  };
  const onPointerMove = (event: PointerEvent<HTMLButtonElement>) => {
    const from = grip.current;
    const stage = ref.current?.parentElement?.getBoundingClientRect();
    if (from === undefined || stage === undefined) return;
    const { width, height } = size();
    const clamp = (value: number, most: number) => Math.max(0, Math.min(most, value));
    setDrag({
      x: clamp(event.clientX - stage.left - from.x, area.width - width),
      y: clamp(event.clientY - stage.top - from.y, area.height - height),
    });
  };
  const onPointerUp = () => {
    grip.current = undefined;
    if (drag !== undefined) setCorner(nearestCorner(drag.x, drag.y, size(), area));
    setDrag(undefined);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const next = cornerAfterKey(corner, event.key);
    if (next === undefined) return;
    event.preventDefault();
    setCorner(next);
  };

  const style: CSSProperties =
    drag === undefined
      ? {
          left: corner.right ? `calc(100% - ${MARGIN}px - clamp(96px, 17vw, 216px))` : MARGIN,
          top: corner.bottom ? `calc(100% - ${MARGIN}px - clamp(96px, 17vw, 216px) * 9 / 16)` : MARGIN,
        }
      : { left: drag.x, top: drag.y };
  return (
    <button
      ref={ref}
      type="button"
      className={classes(styles.self, drag !== undefined && styles.dragged, speaking && styles.speaking)}
      style={style}
      aria-label={t("tile.self.move")}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={onPointerUp}
      onPointerCancel={onPointerUp}
      onKeyDown={onKeyDown}
    >
      {camera === "on" && stream !== null ? <Video stream={stream} muted mirrored /> : <Avatar name={name} size={40} />}
      <span className={styles.badge}>
        {microphone === "off" ? <MicOff size={14} aria-hidden="true" /> : null}
        {t("call.you")}
      </span>
    </button>
  );
}
