/** Janus's videoroom (Debian's package `janus`), driven over its WebSocket API, with a configuration folder and ports of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../server-process.ts";
import { JanusApi, type JanusHandle } from "./janus-api.ts";
import type { Scenario } from "./scenarios.ts";
import { answerSdp, offerSdp, sendSections, transportSequenceId } from "./sdp.ts";
import type { Member, Running, Subject } from "./subject.ts";
import { ClientTransport, sideOf } from "./transport-client.ts";

const SHIPPED = "/etc/janus";
const ROOM = 4_711;
const LOOPS = { default: "", "2 event loops": "event_loops = 2" } as const;

export const hasJanus = (): boolean => existsSync("/usr/bin/janus");

export function janusSubject(form: keyof typeof LOOPS): Subject {
  return {
    name: form === "default" ? "Janus" : `Janus ${form}`,
    async start(scenario: Scenario): Promise<Running> {
      if (!hasJanus()) throw new Error("Debian's package janus is not installed");
      const folder = mkdtempSync(join(tmpdir(), "tsunagi-bench-janus-"));
      const port = await freePort();
      const address = ownAddress();
      configure(folder, port, address, LOOPS[form]);
      const server = spawn("janus", ["--configs-folder", folder, "--debug-level=2", "--disable-colors"], {
        stdio: ["ignore", process.env.BENCH_JANUS_LOG === undefined ? "ignore" : "inherit", "inherit"],
      });
      const api = await connect(server, port);
      return {
        pids: [server.pid ?? 0],
        join: () => joinRoom(api, scenario, address),
        begin: async () => false,
        end: async () => ({}),
        async stop() {
          api.close();
          const ended = once(server, "exit");
          server.kill("SIGKILL");
          await ended;
          rmSync(folder, { recursive: true, force: true });
        },
      };
    },
  };
}

/** As shipped, but for its port and address, and for the transports and plug-ins that are not used. */
function configure(folder: string, port: number, address: string, more: string): void {
  const text = readFileSync(join(SHIPPED, "janus.jcfg"), "utf8")
    .replace(/^nat: \{/m, `nat: {\n\tice_enforce_list = "${address}"`)
    .replace(/^general: \{/m, `general: {\n\t${more}`)
    .replace(/configs_folder = "[^"]*"/, `configs_folder = "${folder}"`)
    .replace(
      /^transports: \{/m,
      'transports: {\n\tdisable = "libjanus_http.so,libjanus_pfunix.so,libjanus_mqtt.so,libjanus_nanomsg.so"',
    )
    .replace(
      /^plugins: \{/m,
      `plugins: {\n\tdisable = "${"audiobridge duktape echotest lua nosip recordplay sip streaming textroom videocall voicemail"
        .split(" ")
        .map((name) => `libjanus_${name}.so`)
        .join(",")}"`,
    );
  writeFileSync(join(folder, "janus.jcfg"), text);
  const websockets = readFileSync(join(SHIPPED, "janus.transport.websockets.jcfg"), "utf8")
    .replace(/ws_port = \d+/, `ws_port = ${port}`)
    .replace(/^(\s*)#?ws_ip = .*$/m, '$1ws_ip = "127.0.0.1"');
  writeFileSync(join(folder, "janus.transport.websockets.jcfg"), websockets);
  copyFileSync(join(SHIPPED, "janus.plugin.videoroom.jcfg"), join(folder, "janus.plugin.videoroom.jcfg"));
}

/** Janus leaves loopback out. What goes to an address of the machine itself takes the loopback device all the same. */
function ownAddress(): string {
  const infos = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const own = infos.find(({ family, internal }) => family === "IPv4" && !internal);
  if (own === undefined) throw new Error("Janus needs an IPv4 address other than that of loopback");
  return own.address;
}

async function connect(server: ChildProcess, port: number): Promise<JanusApi> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (server.exitCode !== null) throw new Error(`janus ended with ${server.exitCode}`);
    try {
      return await JanusApi.open(`ws://127.0.0.1:${port}`);
    } catch {
      await sleep(100);
    }
  }
  throw new Error("janus was not ready in 10 s");
}

/** Janus has a connection for each direction, and offers what it sends. */
async function joinRoom(api: JanusApi, scenario: Scenario, address: string): Promise<readonly Member[]> {
  const owner = await api.attach();
  await owner.ask({
    ...{ request: "create", room: ROOM, publishers: scenario.members, bitrate: 0, audiolevel_ext: true },
    // The room of talkers is asked to tell who speaks.
    audiolevel_event: scenario.video === undefined,
  });
  const feeds: number[] = [];
  const publishing: ClientTransport[] = [];
  for (let member = 0; member < scenario.publishers; member++) {
    const handle = await api.attach();
    publishing.push(await publish(handle, scenario, member, feeds, address));
  }
  const members: Member[] = [];
  for (let member = 0; member < scenario.members; member++) {
    const wanted = feeds.filter((_, publisher) => publisher !== member);
    const received = wanted.length === 0 ? undefined : await subscribe(await api.attach(), member, wanted, address);
    members.push({
      publish: publishing[member],
      receive: received?.transport,
      transportSequenceId: received?.transportSequenceId,
    });
  }
  return members;
}

async function publish(
  handle: JanusHandle,
  scenario: Scenario,
  member: number,
  feeds: number[],
  address: string,
): Promise<ClientTransport> {
  const transport = new ClientTransport(`p${member}`, { address });
  const sections = sendSections(member, scenario.talkers !== undefined, scenario.video !== undefined);
  const { data } = await handle.ask({ request: "join", ptype: "publisher", room: ROOM, display: `member ${member}` });
  feeds.push(Number(data.id));
  const { jsep } = await handle.ask({ request: "publish" }, { type: "offer", sdp: offerSdp(await transport.offer(), sections) });
  if (jsep === undefined) throw new Error("Janus did not answer the publisher");
  await handle.endOfCandidates();
  transport.accept(sideOf(jsep.sdp));
  // Before that it is no feed to subscribe to.
  await handle.connected;
  return transport;
}

async function subscribe(handle: JanusHandle, member: number, feeds: readonly number[], address: string) {
  const transport = new ClientTransport(`s${member}`, { address });
  const { jsep } = await handle.ask({
    request: "join",
    ptype: "subscriber",
    room: ROOM,
    streams: feeds.map((feed) => ({ feed })),
  });
  if (jsep === undefined) throw new Error("Janus offered nothing to the subscriber");
  const side = await transport.answer(sideOf(jsep.sdp));
  await handle.ask({ request: "start" }, { type: "answer", sdp: answerSdp(side, jsep.sdp) });
  await handle.endOfCandidates();
  return { transport, transportSequenceId: transportSequenceId(jsep.sdp) };
}
