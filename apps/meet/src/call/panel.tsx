/** A panel beside the stage; over it on narrow screens. */
import { X } from "lucide-react";
import { type ReactNode, useEffect, useId, useRef } from "react";
import { useI18n } from "../i18n/index.tsx";
import { IconButton } from "../ui/button.tsx";
import styles from "./panel.module.css";

type PanelProps = { readonly title: string; readonly onClose: () => void; readonly children: ReactNode };

export function Panel({ title, onClose, children }: PanelProps) {
  const { t } = useI18n();
  const id = useId();
  const ref = useRef<HTMLElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    const panel = ref.current;
    const first = panel?.querySelector<HTMLElement>("[data-first]") ?? panel?.querySelector<HTMLElement>("button");
    first?.focus();
    return () => {
      if (before instanceof HTMLElement && before !== document.body && before.isConnected) before.focus();
    };
  }, []);
  return (
    <aside
      ref={ref}
      className={styles.panel}
      aria-labelledby={id}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.nativeEvent.isComposing) onClose();
      }}
    >
      <div className={styles.head}>
        <h2 id={id}>{title}</h2>
        <IconButton icon={X} label={t("action.close")} tip="left" onClick={onClose} />
      </div>
      {children}
    </aside>
  );
}
