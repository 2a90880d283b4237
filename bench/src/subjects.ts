/** The servers that are compared: how each is started, joined and spoken to. */
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";

/** Of the measured server, which lives for seconds on loopback. */
export const ADMIN_TOKEN = randomBytes(24).toString("base64url");

export type Message = { readonly kind: "offer" | "answer"; readonly sdp: string };

export type Subject = {
  readonly name: string;
  readonly script: string;
  readonly env: (port: number, dataDir: string) => Record<string, string>;
  /** Whether the child says `ready` over IPC; else its `/readyz` is asked. */
  readonly ipcReady: boolean;
  readonly url: (port: number, id: string) => string;
  /** First text on a new socket. */
  readonly hello?: (id: string, key: string) => string;
  /** Whether this text says that the client is in; undefined: as soon as the socket is open. */
  readonly isWelcome?: (text: string) => boolean;
  readonly encode: (to: string, message: Message) => string;
  /** What a client confirms every 32 messages, as the SDK does. */
  readonly ack?: (received: number) => string;
  /** `undefined`: not a relayed message. */
  readonly decode: (text: string) => "offer" | "answer" | "refused" | undefined;
};

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const typeOf = (text: string): "offer" | "answer" | undefined => {
  // Looking into the first characters only: the load generator must not be the bottleneck.
  const head = text.slice(0, 160);
  if (head.includes('"offer"') || head.includes('"OFFER"')) return "offer";
  return head.includes('"answer"') || head.includes('"ANSWER"') ? "answer" : undefined;
};

const bare = (name: string, raw: boolean): Subject => ({
  name,
  script: file("./bare-relay.mjs"),
  env: (port) => ({ PORT: String(port), RAW: raw ? "1" : "0" }),
  ipcReady: true,
  url: (port, id) => `ws://127.0.0.1:${port}/?id=${id}`,
  encode: (to, { kind, sdp }) => JSON.stringify({ type: kind, to, connection: "mc_bench", sdp }),
  decode: typeOf,
});

export const BARE = bare("bare ws relay", false);
export const BARE_RAW = bare("bare ws relay, unparsed", true);

export const PEER_SERVER: Subject = {
  name: "PeerServer (npm peer)",
  script: file("./peer-server.mjs"),
  env: (port) => ({ PORT: String(port) }),
  ipcReady: true,
  url: (port, id) => `ws://127.0.0.1:${port}/peerjs?key=peerjs&id=${id}&token=t&version=1.5.5`,
  isWelcome: (text) => text.includes('"OPEN"'),
  encode: (dst, { kind, sdp }) =>
    JSON.stringify({
      type: kind.toUpperCase(),
      dst,
      payload: { sdp: { type: kind, sdp }, type: "media", connectionId: "mc_bench" },
    }),
  decode: typeOf,
};

export const TSUNAGI: Subject = {
  name: "Tsunagi",
  script: file("../../servers/all/dist/main.js"),
  env: (port, dataDir) => ({
    TSUNAGI_HTTP_PORT: String(port),
    TSUNAGI_HTTP_HOST: "127.0.0.1",
    TSUNAGI_TURN_PORT: "0",
    TSUNAGI_DATA_DIR: dataDir,
    TSUNAGI_ADMIN_TOKEN: ADMIN_TOKEN,
    TSUNAGI_LOG_LEVEL: "warn",
  }),
  ipcReady: false,
  url: (port) => `ws://127.0.0.1:${port}/v1`,
  hello: (peerId, key) => JSON.stringify({ type: "open", version: 1, key, peerId }),
  isWelcome: (text) => text.startsWith('{"type":"opened"'),
  encode: (to, { kind, sdp }) =>
    JSON.stringify(
      kind === "offer"
        ? { type: kind, to, connection: "mc_bench", kind: "media", sdp }
        : { type: kind, to, connection: "mc_bench", sdp },
    ),
  ack: (received) => JSON.stringify({ type: "ack", received }),
  decode: (text) => (text.startsWith('{"type":"error"') || text.startsWith('{"type":"bye"') ? "refused" : typeOf(text)),
};
