/** Statistics of a call, read only while somebody looks at them. */
import { useEffect, useState } from "react";
import type { ConnectionStats } from "../sdk.ts";
import type { Call } from "./model.ts";

const READ_MS = 2000;

export function useStats(call: Call, wanted: boolean): ReadonlyMap<string, ConnectionStats> | undefined {
  const [stats, setStats] = useState<ReadonlyMap<string, ConnectionStats>>();
  useEffect(() => {
    if (!wanted) return;
    let current = true;
    setStats(new Map());
    const read = () => {
      call.stats().then(
        (next) => {
          if (current) setStats(next);
        },
        // A connection that closes while it is asked: the next reading is without it.
        () => undefined,
      );
    };
    read();
    const timer = setInterval(read, READ_MS);
    return () => {
      current = false;
      clearInterval(timer);
      setStats(undefined);
    };
  }, [call, wanted]);
  return stats;
}
