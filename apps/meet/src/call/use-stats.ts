/** Statistics of a call, read only while somebody looks at them. */
import { useEffect, useState } from "react";
import type { ConnectionStats } from "../sdk.ts";
import type { Call } from "./model.ts";
import type { Layers } from "./path.ts";

const READ_MS = 2000;

export type CallStats = { readonly connections: ReadonlyMap<string, ConnectionStats>; readonly layers: Layers };

export function useStats(call: Call, wanted: boolean): CallStats | undefined {
  const [stats, setStats] = useState<CallStats>();
  useEffect(() => {
    if (!wanted) return;
    let current = true;
    setStats({ connections: new Map(), layers: call.layers() });
    const read = () => {
      call.stats().then(
        (connections) => {
          if (current) setStats({ connections, layers: call.layers() });
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
