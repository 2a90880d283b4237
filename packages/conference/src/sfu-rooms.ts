/** SFU rooms: who publishes what, and the offers on their way to the SFU. */
import type { SfuCandidate, SfuOffer, UpdatePublication } from "@tsunagi/protocol";
import { refusal } from "./refusal.ts";
import type { Peer } from "./state.ts";
import type { World } from "./world.ts";

export type SfuMessage = SfuOffer | SfuCandidate | UpdatePublication;

export function sfuMessage(world: World, peer: Peer, message: SfuMessage): void {
  const why = refusal("room.mode.unsupported", "this server does not offer sfu rooms yet");
  world.refuse(peer, why, { ...("id" in message ? { re: message.id } : {}), room: message.room });
}
