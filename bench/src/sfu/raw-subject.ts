import { freeUdpPort } from "../free-port.ts";
import type { Scenario } from "./scenarios.ts";
import { runScript } from "./script-server.ts";
import type { Running, Subject } from "./subject.ts";

/** node-datachannel alone. */
export function rawSubject(mode: "send" | "forward"): Subject {
  return {
    name: `raw ${mode}`,
    async start(scenario: Scenario): Promise<Running> {
      const port = await freeUdpPort();
      const server = runScript(new URL("./raw-server.ts", import.meta.url), [mode, scenario.name, `${port}`], scenario);
      // What comes back is not part of what sending costs.
      return { ...server, feedback: mode !== "send" };
    },
  };
}
