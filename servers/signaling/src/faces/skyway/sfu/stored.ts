/** What of a skyway-js member's SFU room outlives a restart of the signalling server. */
import { z } from "zod";
import type { StoredSfuRoom } from "../sfu-port.ts";

const kind = z.enum(["audio", "video"]);
const id = z.string().min(1).max(64);

const transport = z.object({ iceUfrag: z.string().max(256), icePwd: z.string().max(256), fingerprint: z.string().max(256) });

const section = z.object({
  mid: z.string().min(1).max(8),
  kind,
  use: z.discriminatedUnion("is", [
    z.object({ is: z.literal("up") }),
    z.object({ is: z.literal("slot"), publication: id, stream: id }),
    z.object({ is: z.literal("ending") }),
    z.object({ is: z.literal("free") }),
    z.object({ is: z.literal("tag") }),
    z.object({ is: z.literal("relic"), transport }),
    z.object({ is: z.literal("stopped") }),
  ]),
  /** The client has sent in it. */
  sent: z.boolean().default(false),
});
const stream = z.object({
  key: z.string().max(1_024),
  id,
  peerId: z.string().max(256),
  publications: z.array(z.tuple([id, kind])).max(64),
});

const state = z.object({
  /** The highest connection that was offered. */
  epoch: z.int().min(0),
  mayPublish: z.boolean(),
  /** The client cannot begin DTLS anew on the transport that it has. */
  needsTag: z.boolean(),
  /** Of the SFU's end, as offered last. */
  fingerprint: z.string().max(256).optional(),
  /** The client has asked for an offer. */
  wanted: z.boolean(),
  /** How the member's own MediaStream is named to the others, and its publications by section. */
  ownStream: id,
  own: z.array(z.tuple([z.string().max(8), id, z.enum(["camera", "microphone", "other"]).optional()])).max(64),
  sections: z.array(section).min(2).max(1_000),
  streams: z.array(stream).max(1_024),
});

export type StoredSection = z.infer<typeof section>;
export type StoredStream = z.infer<typeof stream>;
export type StoredState = z.infer<typeof state>;

/** @returns undefined: of another version, or no such thing */
export function readStored(value: StoredSfuRoom | undefined): StoredState | undefined {
  const parsed = state.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}
