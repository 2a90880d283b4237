/** A visit to a server as skyway-js makes it: what each step got for an answer. */
import { randomUUID } from "node:crypto";
import type { NoAnswer } from "../doctor/probes.ts";
import { type Answer, type AskResult, ask, fieldOf } from "./ask.ts";
import { EngineClient, type SocketEvent, type UpgradeOutcome } from "./engine-io.ts";

export type VisitOptions = {
  readonly key: string;
  readonly origin: string;
  readonly peerId: string | undefined;
  /** JSON, as `tsunagi token --skyway` prints it. */
  readonly credential: string | undefined;
  /** Only as far as the server's first word. */
  readonly isShort?: boolean;
  readonly timeoutMs: number;
};

export type FirstWord =
  | { readonly type: "open"; readonly peerId: string; readonly hasTurn: boolean }
  | { readonly type: "error"; readonly why: string; readonly message: string }
  | { readonly type: "silent" | "ended" };

export type RoomResult =
  | {
      readonly type: "offer";
      readonly sdp: string;
      readonly hasMsids: boolean;
      readonly hasMembers: boolean;
      readonly ms: number;
    }
  | { readonly type: "error"; readonly why: string; readonly message: string }
  | { readonly type: "silent" | "ended"; readonly at: "ROOM_USER_JOIN" | "SFU_OFFER" };

export type Visit =
  | {
      readonly type: "visited";
      readonly handshake: Answer;
      readonly first: FirstWord;
      /** What comes after the first word. */
      readonly more:
        | {
            readonly preflight: AskResult;
            readonly post: AskResult;
            readonly upgrade: UpgradeOutcome;
            readonly clients: AskResult;
            readonly exists: AskResult;
            readonly room: RoomResult;
          }
        | undefined;
    }
  | { readonly type: "other"; readonly answer: Answer }
  | NoAnswer;

export async function visitSkyway(url: URL, options: VisitOptions): Promise<Visit> {
  const { key, origin, peerId, credential, timeoutMs } = options;
  const query = {
    apiKey: key,
    token: randomUUID().slice(0, 12).replace("-", ""),
    platform: "javascript",
    sdk_version: "4.4.5",
    ...(peerId === undefined ? {} : { peerId }),
    ...(credential === undefined ? {} : { credential }),
  };
  const opened = await EngineClient.open(url, query, { origin, timeoutMs });
  if (opened.type !== "engine") return opened;
  const { client, answer: handshake } = opened;
  try {
    const first = firstWord(await client.next("OPEN", "ERROR"));
    if (first.type !== "open" || options.isShort === true) return { type: "visited", handshake, first, more: undefined };
    const preflight = await client.preflight();
    const post = await client.post("PING", null);
    const upgrade = await client.upgrade();
    const rest = new URL(`/api/apikeys/${encodeURIComponent(key)}/`, url);
    const headers = { Origin: origin };
    const [clients, exists] = await Promise.all([
      ask(new URL("clients/", rest), { headers, timeoutMs }),
      ask(new URL(`peers/${encodeURIComponent(first.peerId)}/exists`, rest), { headers, timeoutMs }),
    ]);
    const room = await visitRoom(client, first.peerId);
    return { type: "visited", handshake, first, more: { preflight, post, upgrade, clients, exists, room } };
  } finally {
    client.close();
  }
}

function firstWord(event: SocketEvent): FirstWord {
  if (event.type !== "event") return event;
  if (event.name === "ERROR") return { type: "error", ...errorOf(event.payload) };
  const turn = fieldOf(event.payload, "turnCredential");
  return { type: "open", peerId: String(fieldOf(event.payload, "peerId")), hasTurn: turn !== undefined && turn !== null };
}

async function visitRoom(client: EngineClient, peerId: string): Promise<RoomResult> {
  const roomName = `tsunagi-doctor-${randomUUID()}`;
  const startedAt = performance.now();
  await client.emit("ROOM_JOIN", { roomName, roomType: "sfu" });
  const joined = await client.next("ROOM_USER_JOIN", "ERROR");
  if (joined.type !== "event") return { type: joined.type, at: "ROOM_USER_JOIN" };
  if (joined.name === "ERROR") return { type: "error", ...errorOf(joined.payload) };
  const members = fieldOf(joined.payload, "roomMembers");
  await client.emit("SFU_GET_OFFER", { roomName });
  const offered = await client.next("SFU_OFFER", "ERROR");
  await client.emit("ROOM_LEAVE", { roomName });
  if (offered.type !== "event") return { type: offered.type, at: "SFU_OFFER" };
  if (offered.name === "ERROR") return { type: "error", ...errorOf(offered.payload) };
  const msids = fieldOf(offered.payload, "msids");
  return {
    type: "offer",
    sdp: String(fieldOf(fieldOf(offered.payload, "offer"), "sdp")),
    hasMsids: typeof msids === "object" && msids !== null,
    hasMembers: Array.isArray(members) && fieldOf(joined.payload, "src") === peerId,
    ms: performance.now() - startedAt,
  };
}

function errorOf(payload: unknown): { readonly why: string; readonly message: string } {
  return { why: String(fieldOf(payload, "type")), message: String(fieldOf(payload, "message")) };
}
