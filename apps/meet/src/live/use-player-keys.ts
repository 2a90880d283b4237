/** Keys of the player; they can be turned off with those of calls. */
import { useEffect, useRef } from "react";
import { focusOf } from "../call/shortcuts.ts";

type Actions = {
  readonly sound: () => void;
  readonly louder: (by: number) => void;
  readonly numbers: () => void;
  readonly fullscreen: () => void;
};

const STEP = 0.1;

export function usePlayerKeys(enabled: boolean, actions: Actions): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    if (!enabled) return;
    const down = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || focusOf(event.target) === "text") return;
      const { sound, louder, numbers, fullscreen } = latest.current;
      const keys: Readonly<Record<string, () => void>> = {
        m: sound,
        f: fullscreen,
        i: numbers,
        arrowup: () => louder(STEP),
        arrowdown: () => louder(-STEP),
      };
      const name = event.key.toLowerCase();
      const action = Object.hasOwn(keys, name) ? keys[name] : undefined;
      if (action === undefined || (event.repeat && !name.startsWith("arrow"))) return;
      event.preventDefault();
      action();
    };
    window.addEventListener("keydown", down);
    return () => window.removeEventListener("keydown", down);
  }, [enabled]);
}
