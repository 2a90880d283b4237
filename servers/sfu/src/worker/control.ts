/** Reads what a client says on its control channel. */
import { ProtocolError } from "@tsunagi/base";
import type { SfuControlRequest } from "@tsunagi/protocol";
import type { SlotWish } from "@tsunagi/sfu";
import { z } from "zod";

/** Characters of one message. */
export const MAX_CONTROL = 65_536;
/** Requests a second; twice as many at once. A page that is resized sends several. */
export const CONTROL_PER_SECOND = 50;

const size = z.number().min(0).max(100_000);
const wish = z.object({
  mid: z.string().min(1).max(32),
  publication: z.string().min(1).max(64).nullable().optional(),
  maxWidth: size.nullable().optional(),
  maxHeight: size.nullable().optional(),
  maxFrameRate: size.nullable().optional(),
  paused: z.boolean().optional(),
  priority: z.number().min(-10).max(10).optional(),
});
const request = z.discriminatedUnion("type", [
  z.object({ type: z.literal("receive"), slots: z.array(wish).max(512) }),
  z.object({ type: z.literal("last-n"), n: z.int().min(0).max(1_000).nullable() }),
]);

/** @throws {ProtocolError} `sfu.control.malformed` */
export function parseControl(text: string | Uint8Array): SfuControlRequest {
  if (typeof text !== "string" || text.length > MAX_CONTROL) throw malformed();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed(cause);
  }
  const parsed = request.safeParse(value);
  if (!parsed.success) throw malformed(parsed.error);
  return parsed.data;
}

type Wish = Extract<SfuControlRequest, { type: "receive" }>["slots"][number];

/** Over the wire null lifts a limit; the router knows limits only. */
export function slotWish(wanted: Wish): SlotWish {
  const { mid, publication, paused, priority } = wanted;
  return {
    mid,
    ...(publication === undefined ? {} : { publication }),
    ...limit("maxWidth", wanted.maxWidth),
    ...limit("maxHeight", wanted.maxHeight),
    ...limit("maxFrameRate", wanted.maxFrameRate),
    ...(paused === undefined ? {} : { paused }),
    ...(priority === undefined ? {} : { priority }),
  };
}

const limit = (name: string, value: number | null | undefined) =>
  value === undefined ? {} : { [name]: value ?? Number.POSITIVE_INFINITY };

const malformed = (cause?: unknown) =>
  new ProtocolError("sfu.control.malformed", "A message on the control channel cannot be read.", { cause });
