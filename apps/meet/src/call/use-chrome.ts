/** The toolbar steps back when nobody needs it. */
import { type RefObject, useEffect, useState } from "react";

/** Time without movement after which it hides. */
export const HIDE_AFTER_MS = 3000;

/** @param held keeps it in sight, for example while a menu of it is open */
export function useChrome(toolbar: RefObject<HTMLElement | null>, held: boolean): boolean {
  const [shown, setShown] = useState(true);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const hide = () => {
      // Never while the keyboard is in it, nor under a resting pointer.
      if (held || toolbar.current?.querySelector(":focus-visible") != null || toolbar.current?.matches(":hover") === true) wake();
      else setShown(false);
    };
    const wake = () => {
      setShown(true);
      clearTimeout(timer);
      timer = setTimeout(hide, HIDE_AFTER_MS);
    };
    const events = ["pointermove", "pointerdown", "keydown", "focusin"] as const;
    for (const name of events) window.addEventListener(name, wake, { passive: true });
    wake();
    return () => {
      clearTimeout(timer);
      for (const name of events) window.removeEventListener(name, wake);
    };
  }, [toolbar, held]);
  return shown || held;
}
