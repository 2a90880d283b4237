/** The clients of the two libraries, as little as they are on the wire: the same code against every server. */
import { once } from "node:events";
import { Agent, get } from "node:http";
import WebSocket from "ws";
import type { Message } from "../subjects.ts";

export type Family = {
  readonly name: string;
  join(port: number, id: string): Promise<WebSocket>;
  encode(to: string, message: Message): string;
  /** What a client says so that it is not taken for gone. */
  readonly alive: string;
};

/** Of the one app of our server; the relay looks at none. */
export const KEY = "00000000-0000-4000-8000-000000000001";

export const PEERJS: Family = {
  name: "PeerJS",
  async join(port, id) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/peerjs?key=peerjs&id=${id}&token=t&version=1.5.5`, NO_DEFLATE);
    await until(socket, (text) => text.includes('"OPEN"'));
    return socket;
  },
  encode: (dst, { kind, sdp }) =>
    JSON.stringify({
      type: kind.toUpperCase(),
      payload: { sdp: { type: kind, sdp }, type: "media", connectionId: "mc_bench" },
      dst,
    }),
  alive: '{"type":"HEARTBEAT"}',
};

export const SKYWAY: Family = {
  name: "skyway-js",
  /** socket.io 2 (engine.io's protocol 3): polling first, then a WebSocket in its place, as skyway-js always does it. */
  async join(port, id) {
    const query = `EIO=3&apiKey=${KEY}&peerId=${id}&token=token-${id}&platform=javascript&sdk_version=4.4.5`;
    const first = await text(`http://127.0.0.1:${port}/socket.io/?${query}&transport=polling&b64=1`);
    const [, sid] = /"sid":"([^"]+)"/.exec(first) ?? [];
    if (sid === undefined) throw new Error(`no session: ${first.slice(0, 200)}`);
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?${query}&transport=websocket&sid=${sid}`, NO_DEFLATE);
    await once(socket, "open");
    socket.send("2probe");
    await until(socket, (packet) => packet === "3probe");
    const opened = first.includes('"OPEN"') ? undefined : until(socket, (packet) => packet.includes('"OPEN"'));
    socket.send("5");
    await opened;
    return socket;
  },
  encode: (dst, { kind, sdp }) =>
    `42${JSON.stringify([
      `SEND_${kind.toUpperCase()}`,
      { dst, [kind]: { type: kind, sdp }, connectionId: "mc_bench", connectionType: "media" },
    ])}`,
  alive: "2",
};

const NO_DEFLATE = { perMessageDeflate: false } as const;
/** Each request on a connection of its own would measure connecting. */
const AGENT = new Agent({ keepAlive: true, maxSockets: 50 });

function text(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent: AGENT }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        body += part;
      });
      response.on("end", () => resolve(body));
    }).on("error", reject);
  });
}

/** Waits for a text; others before it are passed over, refusals are not. */
function until(socket: WebSocket, accept: (text: string) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const listen = (data: WebSocket.RawData) => {
      const said = String(data);
      if (said.includes("ERROR") || said.includes("ID-TAKEN")) reject(new Error(`refused: ${said}`));
      else if (!accept(said)) return;
      socket.off("message", listen);
      resolve();
    };
    socket.on("message", listen);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed")));
  });
}
