/** The order of the cameras over the pages, kept from one rendering to the next. */
import { useEffect, useState } from "react";
import { NO_PLACES, seat, speak } from "./order.ts";
import type { Voices } from "./voices.ts";

const NOBODY: ReadonlySet<string> = new Set();

/** @param keys of the camera tiles (`PEER/camera`) @param firstPage how many of them the first page holds */
export function usePlaces(keys: readonly string[], firstPage: number, voices: Voices): readonly string[] {
  const [places, setPlaces] = useState(NO_PLACES);
  const size = Math.max(1, firstPage);
  const seated = seat(places, keys, size);
  // Derived from the keys while rendering; an effect would show one frame without the newcomers.
  if (seated !== places) setPlaces(seated);
  useEffect(() => {
    const hear = () => {
      const { speaking } = voices.store.get();
      const now = performance.now();
      setPlaces((before) => [...speaking].reduce((all, id) => speak(all, `${id}/camera`, now, size, NOBODY), before));
    };
    hear();
    return voices.store.subscribe(hear);
  }, [voices, size]);
  return seated.order;
}
