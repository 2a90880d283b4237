/** What is worth a word for a moment only. */
import { useEffect, useRef, useState } from "react";

/** True from the first time that the value is another one. */
export function useChanged(value: boolean, first: boolean): boolean {
  const [changed, setChanged] = useState(false);
  useEffect(() => {
    if (value !== first) setChanged(true);
  }, [value, first]);
  return changed;
}

/** How long the good news stays. */
const RETURNED_MS = 3000;

/** True for a moment after `away` ended. */
export function useReturned(away: boolean): boolean {
  const [returned, setReturned] = useState(false);
  const wasAway = useRef(away);
  useEffect(() => {
    const back = wasAway.current && !away;
    wasAway.current = away;
    setReturned(back);
    if (!back) return;
    const timer = setTimeout(() => setReturned(false), RETURNED_MS);
    return () => clearTimeout(timer);
  }, [away]);
  return returned;
}
