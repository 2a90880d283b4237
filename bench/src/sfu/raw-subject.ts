import { freeUdpPort } from "../free-port.ts";
import { startChild } from "./child.ts";
import type { Window } from "./pacer.ts";
import type { Scenario } from "./scenarios.ts";
import type { Member, Running, Subject } from "./subject.ts";
import { ClientTransport, type Side } from "./transport-client.ts";

/** node-datachannel alone. */
export function rawSubject(mode: "send" | "forward"): Subject {
  return {
    name: `raw ${mode}`,
    async start(scenario: Scenario): Promise<Running> {
      const port = await freeUdpPort();
      const server = startChild(new URL("./raw-server.ts", import.meta.url), [mode, scenario.name, `${port}`]);
      return {
        // What comes back is not part of what sending costs.
        feedback: mode !== "send",
        pids: [server.pid],
        async join() {
          const members: Member[] = [];
          for (let member = 0; member < scenario.members; member++) {
            const transport = new ClientTransport(`c${member}`);
            transport.accept(await server.ask<Side>({ type: "join", member, side: await transport.offer() }));
            members.push({ publish: transport, receive: transport });
          }
          return members;
        },
        begin: (window: Window) => server.ask<boolean>({ type: "begin", window }),
        end: () => server.ask({ type: "end" }),
        stop: () => server.stop(),
      };
    },
  };
}
