/** The frame of every page outside of a call: the mark, the language, the settings. */
import { Settings2 } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { useI18n } from "../i18n/index.tsx";
import { settings } from "../state/settings.ts";
import { Link } from "../ui/link.tsx";
import { Mark } from "../ui/mark.tsx";
import styles from "./shell.module.css";

let shown = false;

/** @param title of the document; a change of view moves the focus to the content, so that a screen reader reads on there */
export function Shell({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  const { t, locale } = useI18n();
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    document.title = title === "" ? "Tsunagi" : `${title} – Tsunagi`;
  }, [title]);
  useEffect(() => {
    // Not at the first view: the browser begins at the top of the page by itself.
    if (shown && !main.current?.contains(document.activeElement)) main.current?.focus({ preventScroll: true });
    shown = true;
  }, []);
  const other = locale === "ja" ? "en" : "ja";
  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#content">
        {t("nav.skip")}
      </a>
      <header className={styles.header}>
        <Link to={{ view: "home" }} className={styles.brand} aria-label={`Tsunagi – ${t("nav.home")}`}>
          <Mark />
          Tsunagi
        </Link>
        <nav className={styles.tools} aria-label={t("nav.main")}>
          <button type="button" className={styles.language} lang={other} onClick={() => settings.set({ language: other })}>
            {other === "ja" ? "日本語" : "English"}
          </button>
          <Link to={{ view: "settings" }} className={styles.tool} aria-label={t("nav.settings")} title={t("nav.settings")}>
            <Settings2 size={20} aria-hidden="true" />
          </Link>
        </nav>
      </header>
      <main className={styles.main} id="content" ref={main} tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}
