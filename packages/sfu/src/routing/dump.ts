/** The router's state as JSON for the operator. No addresses, no media. */
import type { Millis } from "@tsunagi/base";
import type { Publication } from "../publication/publication.ts";
import type { RoutingContext } from "./context.ts";
import type { Transport } from "./transport.ts";

export function dumpRouter(
  now: Millis,
  transports: ReadonlyMap<number, Transport>,
  publications: ReadonlyMap<string, Publication>,
  context: RoutingContext,
): unknown {
  return {
    drops: { ...context.drops },
    publications: [...publications.values()].map((publication) => ({
      id: publication.id,
      peerId: publication.peerId,
      transport: publication.transport.index,
      kind: publication.kind,
      source: publication.init.source,
      muted: publication.muted,
      subscribers: publication.subscribers.length,
      // What subscribers can be given of it, low to high.
      steps: publication.steps.map(({ encoding, spatial, temporal, bps, width, height }) => ({
        ...{ encoding, spatial, temporal, bps, width, height },
      })),
      encodings: publication.encodings.map((encoding) => ({
        rid: encoding.rid ?? null,
        ssrc: encoding.ssrc,
        codec: encoding.codec?.name ?? null,
        live: encoding.isLive(now),
        width: encoding.width,
        height: encoding.height,
        bps: Math.round(encoding.rates.bps),
        packets: encoding.packets,
        frames: encoding.frames,
        keyFrames: encoding.keyframeCount,
        keyFrameRequests: encoding.keyframes.sent,
        nacksSent: encoding.nack.asked,
        recovered: encoding.nack.recovered,
        storeSize: encoding.store.size,
        clockKnown: encoding.clock.known,
      })),
    })),
    transports: [...transports.values()].map((transport) => ({
      index: transport.index,
      member: transport.member,
      downlink: transport.downlink.dump(),
      lastN: transport.lastN ?? null,
      slots: [...transport.slots.values()].map((slot) => ({
        mid: slot.mid,
        kind: slot.kind,
        ssrc: slot.ssrc,
        publication: slot.publication?.id ?? null,
        codec: slot.codec?.name ?? null,
        reason: slot.reason,
        target: slot.target,
        encoding: slot.current,
        spatial: slot.layers.spatial,
        temporal: slot.layers.temporal,
        maxWidth: Number.isFinite(slot.maxWidth) ? slot.maxWidth : null,
        maxHeight: Number.isFinite(slot.maxHeight) ? slot.maxHeight : null,
        paused: slot.paused,
        priority: slot.priority,
        packets: slot.packets,
        octets: slot.octets,
        repeats: slot.repeats,
        fractionLost: slot.fractionLost,
      })),
    })),
  };
}
