/** The call of innocent.ts. */
import type { TransportAddress } from "@tsunagi/stun";
import { TurnSession, type TurnTarget } from "../../apps/cli/src/relay/turn-session.ts";

const INTERVAL_MS = 20;
const PAYLOAD = 160;
const SETTLE_MS = 120;

type Message = { readonly type: "start"; readonly target: TurnTarget } | { readonly type: "begin" } | { readonly type: "end" };

let near: TurnSession;
let peer: TransportAddress;
let timer: NodeJS.Timeout | undefined;
let sentAt: number[] = [];
const back = new Set<number>();
let worstMs = 0;

async function start(target: TurnTarget): Promise<void> {
  const options = { timeoutMs: 5000 };
  near = await TurnSession.open(target, options);
  const far = await TurnSession.open(target, options);
  const [nearRelay] = (await near.allocate()).relayed;
  const [farRelay] = (await far.allocate()).relayed;
  if (nearRelay === undefined || farRelay === undefined) throw new Error("no relayed address");
  await near.bindChannel(farRelay);
  await far.bindChannel(nearRelay);
  peer = farRelay;
  far.onData = (from, data) => far.send(from, data.slice());
  near.onData = (_, data) => {
    const number = Buffer.from(data).readUInt32BE(0);
    const at = sentAt[number];
    if (at === undefined) return;
    back.add(number);
    worstMs = Math.max(worstMs, performance.now() - at);
  };
}

function begin(): void {
  sentAt = [];
  back.clear();
  worstMs = 0;
  timer = setInterval(() => {
    const payload = Buffer.alloc(PAYLOAD);
    payload.writeUInt32BE(sentAt.length);
    sentAt.push(performance.now());
    near.send(peer, payload);
  }, INTERVAL_MS);
}

async function end(): Promise<object> {
  clearInterval(timer);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return { sent: sentAt.length, lost: sentAt.length - back.size, worstMs };
}

process.on("message", async (message: Message) => {
  if (message.type === "start") await start(message.target);
  if (message.type === "begin") begin();
  process.send?.(message.type === "end" ? await end() : {});
});
process.once("disconnect", () => process.exit());
