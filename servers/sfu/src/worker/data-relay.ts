/** Relays members' own messages by topic, over the reliable and the lossy data channel. */
import type { DataChannelPort } from "@tsunagi/media";
import type { SfuData } from "@tsunagi/protocol";
import { z } from "zod";

/** Characters of one message. A lossy one that needs many packets is lost whole by one of them. */
export const MAX_RELIABLE = 61_440;
export const MAX_LOSSY = 15_360;
/** What may wait for a slow receiver of lossy messages, bytes: beyond, the newest is dropped. */
const LOSSY_QUEUE = 65_536;

const data = z.object({
  topic: z.string().max(128),
  data: z.json(),
  to: z.array(z.string().min(1).max(128)).max(1_000).optional(),
});

/** @returns undefined: it is not one */
export function parseData(text: string | Uint8Array, lossy: boolean): SfuData | undefined {
  if (typeof text !== "string" || text.length > (lossy ? MAX_LOSSY : MAX_RELIABLE)) return undefined;
  try {
    const parsed = data.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** As it is sent on: once written for all receivers. */
export function dataText(message: SfuData, from: string): string {
  return JSON.stringify({ topic: message.topic, data: message.data, from });
}

/** @returns false: the receiver is too slow, and lost it */
export function deliver(channel: DataChannelPort, text: string, lossy: boolean): boolean {
  if (lossy && channel.bufferedAmount > LOSSY_QUEUE) return false;
  return channel.send(text);
}
