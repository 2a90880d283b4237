/** The menu behind "More": arrow keys move, Escape and a click elsewhere close (ARIA menu button pattern). */
import type { LucideIcon } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef } from "react";
import { classes } from "../ui/button.tsx";
import styles from "./toolbar.module.css";

export type MenuItem = {
  readonly icon: LucideIcon;
  readonly label: string;
  /** Only on narrow screens, where the toolbar has no room for it. */
  readonly narrow?: boolean;
  readonly onSelect: () => void;
};

type MenuProps = { readonly label: string; readonly items: readonly MenuItem[]; readonly onClose: () => void };

export function Menu({ label, items, onClose }: MenuProps) {
  const ref = useRef<HTMLDivElement>(null);
  const close = useRef(onClose);
  close.current = onClose;
  useEffect(() => {
    const menu = ref.current;
    const before = document.activeElement;
    visibleItems(menu)[0]?.focus();
    const outside = (event: Event) => {
      if (event.target instanceof Node && menu?.parentElement?.contains(event.target) !== true) close.current();
    };
    document.addEventListener("pointerdown", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      if (before instanceof HTMLElement && before !== document.body && before.isConnected) before.focus();
    };
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    const all = visibleItems(ref.current);
    const at = all.findIndex((item) => item.matches(":focus"));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      all.at(to % all.length)?.focus();
    } else if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      onClose();
    }
    event.stopPropagation();
  };
  return (
    <div ref={ref} className={styles.menu} role="menu" aria-label={label} tabIndex={-1} onKeyDown={onKeyDown}>
      {items.map(({ icon: Icon, label: text, narrow = false, onSelect }) => (
        <button
          key={text}
          type="button"
          role="menuitem"
          tabIndex={-1}
          className={classes(styles.item, narrow && styles.narrow)}
          onClick={() => {
            onClose();
            onSelect();
          }}
        >
          <Icon size={20} aria-hidden="true" />
          {text}
        </button>
      ))}
    </div>
  );
}

function visibleItems(menu: HTMLElement | null): HTMLElement[] {
  return [...(menu?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])].filter((item) => item.offsetParent !== null);
}
