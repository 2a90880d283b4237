import type { Scenario } from "./scenarios.ts";
import { runScript } from "./script-server.ts";
import type { Running, Subject } from "./subject.ts";

/** Tsunagi's router and data plane without what is around them. BENCH_ROUTER_NODE_OPTIONS (`--cpu-prof …`) are for profiling it. */
export const ROUTER: Subject = {
  name: "router",
  async start(scenario: Scenario): Promise<Running> {
    const options = [...process.execArgv, ...(process.env.BENCH_ROUTER_NODE_OPTIONS?.split(" ") ?? [])];
    return runScript(new URL("./router-server.ts", import.meta.url), [scenario.name], scenario, options);
  },
};
