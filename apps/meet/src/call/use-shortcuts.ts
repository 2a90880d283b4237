/** Listens for the shortcuts, and for Space as push-to-talk. */
import { useEffect, useRef, useState } from "react";
import type { LocalMedia } from "../state/local-media.ts";
import { focusOf, type Shortcut, shortcutOf } from "./shortcuts.ts";

type Actions = Readonly<Record<Exclude<Shortcut, "talk">, () => void>>;

/** @returns whether Space holds the microphone open now */
export function useShortcuts(
  enabled: boolean,
  receiveOnly: boolean,
  microphone: boolean,
  media: LocalMedia,
  actions: Actions,
): boolean {
  const [talking, setTalking] = useState(false);
  const latest = useRef({ microphone, actions, talking });
  latest.current = { microphone, actions, talking };
  useEffect(() => {
    if (!enabled) return;
    let holding = false;
    const down = (event: KeyboardEvent) => {
      const shortcut = shortcutOf({
        key: event.key,
        ctrlKey: event.ctrlKey,
        metaKey: event.metaKey,
        altKey: event.altKey,
        repeat: event.repeat,
        isComposing: event.isComposing,
        focus: focusOf(event.target),
      });
      // Holding Space must not scroll the page, also while it repeats.
      if (holding && event.key === " ") event.preventDefault();
      if (shortcut === undefined) return;
      if (receiveOnly && (shortcut === "microphone" || shortcut === "camera" || shortcut === "share" || shortcut === "talk"))
        return;
      event.preventDefault();
      if (shortcut !== "talk") {
        latest.current.actions[shortcut]();
        return;
      }
      if (latest.current.microphone || holding) return;
      holding = true;
      setTalking(true);
      void media.setMicrophone(true, false).then(() => {
        // Released while the device was starting.
        if (!holding) void media.setMicrophone(false, false);
      });
    };
    const release = () => {
      if (!holding) return;
      holding = false;
      setTalking(false);
      void media.setMicrophone(false, false);
    };
    const up = (event: KeyboardEvent) => {
      if (event.key === " ") release();
    };
    window.addEventListener("keydown", down);
    window.addEventListener("keyup", up);
    // The key may come up in another window: nobody should stay on the air unawares.
    window.addEventListener("blur", release);
    return () => {
      release();
      window.removeEventListener("keydown", down);
      window.removeEventListener("keyup", up);
      window.removeEventListener("blur", release);
    };
  }, [enabled, receiveOnly, media]);
  return talking;
}
