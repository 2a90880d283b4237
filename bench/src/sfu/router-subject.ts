import { startChild } from "./child.ts";
import type { Window } from "./pacer.ts";
import type { Scenario } from "./scenarios.ts";
import type { Member, Running, Subject } from "./subject.ts";
import { ClientTransport, type Side } from "./transport-client.ts";

/** Tsunagi's router and data plane without what is around them. BENCH_ROUTER_NODE_OPTIONS (`--cpu-prof …`) are for profiling it. */
export const ROUTER: Subject = {
  name: "router",
  async start(scenario: Scenario): Promise<Running> {
    const options = [...process.execArgv, ...(process.env.BENCH_ROUTER_NODE_OPTIONS?.split(" ") ?? [])];
    const server = startChild(new URL("./router-server.ts", import.meta.url), [scenario.name], options);
    return {
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
