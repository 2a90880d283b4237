/** Waiting gets a reason when it lasts. */
import { useEffect, useState } from "react";

/** When a wait is long enough to want a reason. */
export const REASON_AFTER_MS = 2000;

/** True once `waiting` has held for `ms` without a break. */
export function useAfter(waiting: boolean, ms: number = REASON_AFTER_MS): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    if (!waiting) return;
    const timer = setTimeout(() => setLate(true), ms);
    return () => clearTimeout(timer);
  }, [waiting, ms]);
  return waiting && late;
}
