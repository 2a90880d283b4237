/** From page to page of the tiles: buttons, and a swipe where fingers are. */
import { ChevronLeft, ChevronRight } from "lucide-react";
import { type TouchEvent, useRef } from "react";
import { useI18n } from "../i18n/index.tsx";
import { IconButton } from "../ui/button.tsx";
import type { Paging } from "./grid.ts";
import styles from "./stage.module.css";

/** Height that the pager takes from the stage. */
export const PAGER_HEIGHT = 48;

export function Pager({ paging, onPage }: { readonly paging: Paging; readonly onPage: (page: number) => void }) {
  const { t } = useI18n();
  const { page, pages } = paging;
  return (
    <nav className={styles.pager} aria-label={t("pages.label")}>
      <IconButton icon={ChevronLeft} label={t("pages.back")} disabled={page === 0} onClick={() => onPage(page - 1)} />
      <span role="status" aria-label={t("pages.now", { page: page + 1, pages })}>
        {page + 1} / {pages}
      </span>
      <IconButton icon={ChevronRight} label={t("pages.next")} disabled={page === pages - 1} onClick={() => onPage(page + 1)} />
    </nav>
  );
}

/** A finger's way that means "turn the page", in pixels. */
const SWIPE = 60;

export function useSwipe(turn: (by: 1 | -1) => void) {
  const from = useRef<{ readonly x: number; readonly y: number }>(undefined);
  return {
    onTouchStart: ({ touches }: TouchEvent) => {
      const touch = touches[0];
      from.current = touches.length === 1 && touch !== undefined ? { x: touch.clientX, y: touch.clientY } : undefined;
    },
    onTouchEnd: ({ changedTouches }: TouchEvent) => {
      const start = from.current;
      const touch = changedTouches[0];
      from.current = undefined;
      if (start === undefined || touch === undefined) return;
      const [dx, dy] = [touch.clientX - start.x, touch.clientY - start.y];
      if (Math.abs(dx) > SWIPE && Math.abs(dx) > 2 * Math.abs(dy)) turn(dx < 0 ? 1 : -1);
    },
  };
}
