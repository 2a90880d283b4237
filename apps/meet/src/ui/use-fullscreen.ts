/** Full screen, for the page or for one element of it. */
import { type RefObject, useEffect, useState } from "react";

export function useFullscreen(element?: RefObject<HTMLElement | null>): { readonly on: boolean; readonly toggle: () => void } {
  const [on, setOn] = useState(document.fullscreenElement !== null);
  useEffect(() => {
    const changed = () => setOn(document.fullscreenElement !== null);
    document.addEventListener("fullscreenchange", changed);
    return () => {
      document.removeEventListener("fullscreenchange", changed);
      if (document.fullscreenElement !== null) void document.exitFullscreen();
    };
  }, []);
  const toggle = () => {
    const done =
      document.fullscreenElement === null
        ? (element?.current ?? document.documentElement).requestFullscreen?.()
        : document.exitFullscreen();
    // iPhones have no full screen for pages; nothing then happens.
    done?.catch(() => undefined);
  };
  return { on, toggle };
}
