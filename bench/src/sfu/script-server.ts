/** A measured server of ours without signalling: a script that takes members, and a window of load. */
import { type Child, startChild } from "./child.ts";
import type { Window } from "./pacer.ts";
import type { Scenario } from "./scenarios.ts";
import type { Member, Running } from "./subject.ts";
import { ClientTransport, type Side } from "./transport-client.ts";

export function runScript(script: URL, args: readonly string[], scenario: Scenario, execArgv?: readonly string[]): Running {
  const server: Child = startChild(script, args, execArgv);
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
}
