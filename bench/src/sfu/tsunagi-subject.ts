/** Tsunagi's SFU worker, asked as the conference core asks it: members offer like a browser with the SDK. */
import { setTimeout as sleep } from "node:timers/promises";
import type { SfuCommand, SfuReply } from "@tsunagi/conference";
import { SFU_CONTROL_LABEL, SFU_DATA_LABEL, SFU_LOSSY_LABEL, type SfuReceive, type SfuSend } from "@tsunagi/protocol";
import { descendants } from "../process-usage.ts";
import { type Child, startChild } from "./child.ts";
import type { Scenario } from "./scenarios.ts";
import { offerSdp, type Section, sendSections, transportSequenceId } from "./sdp.ts";
import type { Member, Running, Subject } from "./subject.ts";
import { ClientTransport, type Side, sideOf } from "./transport-client.ts";

const ROOM = { appId: "bench", room: "bench" };
const WIDE = { publicationBps: 50_000_000, publicationsPerMember: 16, memberBps: 200_000_000 };
const CHANNELS = [SFU_CONTROL_LABEL, SFU_DATA_LABEL, SFU_LOSSY_LABEL];

export const TSUNAGI_SFU: Subject = {
  name: "Tsunagi",
  async start(scenario: Scenario): Promise<Running> {
    const server = startChild(new URL("./tsunagi-host.ts", import.meta.url));
    // Answers once its worker is there.
    await ask(server, { type: "dump", ...ROOM });
    return {
      // Of its children, only the worker forwards; the host holds the pool.
      pids: [server.pid, ...descendants(server.pid)],
      join: () => join(server, scenario),
      begin: async () => false,
      async end() {
        const { dump } = await ask(server, { type: "dump", ...ROOM });
        return { notes: process.env.BENCH_DUMP === undefined ? undefined : dump };
      },
      async stop() {
        // Its worker ends with it.
        await server.stop();
        await sleep(100);
      },
    };
  },
};

async function ask(server: Child, command: SfuCommand): Promise<{ readonly sdp?: string | undefined; readonly dump?: unknown }> {
  const reply = await server.ask<SfuReply>(command);
  if (!reply.ok) throw new Error(`${reply.code}: ${reply.message}`);
  return reply;
}

type Joined = {
  readonly transport: ClientTransport;
  readonly side: Side;
  readonly sections: Section[];
  readonly send: readonly SfuSend[];
};

/** All offer what they send; then all offer what they want to receive, too. */
async function join(server: Child, scenario: Scenario): Promise<readonly Member[]> {
  const joined: Joined[] = [];
  for (let member = 0; member < scenario.members; member++) {
    const transport = new ClientTransport(`c${member}`, { channels: CHANNELS });
    const side = await transport.offer();
    const publishes = member < scenario.publishers;
    const sections = sendSections(member, publishes && scenario.talkers !== undefined, publishes && scenario.video !== undefined);
    const send = sections.map(({ mid, kind }): SfuSend => {
      const source = kind === "audio" ? "microphone" : "camera";
      return { mid, kind, source, publication: publicationId(member, kind), stream: "camera", muted: false };
    });
    const one = { transport, side, sections: [...sections], send };
    transport.accept(sideOf(await negotiate(server, member, one, [])));
    joined.push(one);
  }
  await Promise.all(joined.map(({ transport }) => transport.connected));
  const members: Member[] = [];
  for (const [member, one] of joined.entries()) {
    const receive: SfuReceive[] = [];
    for (const [publisher, { send }] of joined.entries()) {
      if (publisher === member) continue;
      for (const { kind, publication } of send) {
        // 100 and on: the application section has the number after the first ones for good.
        const mid = `${100 + receive.length}`;
        one.sections.push({ mid, kind, sender: undefined });
        receive.push({ mid, kind, publication });
      }
    }
    const sdp = await negotiate(server, member, one, receive);
    members.push({ publish: one.transport, receive: one.transport, transportSequenceId: transportSequenceId(sdp) });
  }
  return members;
}

const publicationId = (member: number, kind: string) => `${kind}${`${member}`.padStart(16 - kind.length, "0")}`;

async function negotiate(
  server: Child,
  member: number,
  { side, sections, send }: Joined,
  receive: readonly SfuReceive[],
): Promise<string> {
  const { sdp } = await ask(server, {
    ...ROOM,
    ...{ type: "negotiate", peerId: `member${member}`, epoch: 1, send, receive, limits: WIDE },
    sdp: offerSdp(side, sections, send.length),
    directions: { publish: true, subscribe: true, data: true },
  });
  if (sdp === undefined) throw new Error("the SFU did not answer");
  return sdp;
}
