/**
 * The floor: node-datachannel alone, with nothing of ours around it. `send`: packets made here go to each connection, at the times the load says;
 * `forward`: packets that come in go out to the others as they are.
 */
import { serve } from "./child.ts";
import { Pacer, type Window } from "./pacer.ts";
import { SCENARIOS } from "./scenarios.ts";
import { ClientTransport, type Side } from "./transport-client.ts";

type Request =
  | { readonly type: "join"; readonly member: number; readonly side: Side }
  | { readonly type: "begin"; readonly window: Window }
  | { readonly type: "end" };

const [, , mode, name, portText] = process.argv;
const port = Number(portText);
const scenario = SCENARIOS.find((each) => each.name === name);
if (scenario === undefined) throw new Error(`no scenario ${name}`);
const members: ClientTransport[] = [];
let pacer: Pacer | undefined;

function toOthers(from: number, packet: Buffer): void {
  for (let member = 0; member < members.length; member++) if (member !== from) members[member]?.send(packet);
}

serve<Request>(async (request) => {
  switch (request.type) {
    case "join": {
      const { member, side } = request;
      const transport = new ClientTransport(`s${member}`, { port });
      members[member] = transport;
      if (mode === "forward") {
        transport.onPacket = (packet) => {
          // Feedback ends here.
          const type = packet[1] as number;
          if (type < 192 || type > 223) toOthers(member, packet);
        };
      }
      return await transport.answer(side);
    }
    case "begin":
      if (mode === "send") pacer = new Pacer(scenario, request.window, toOthers);
      return mode === "send";
    case "end":
      pacer?.stop();
      return { expected: pacer?.expected };
  }
});
