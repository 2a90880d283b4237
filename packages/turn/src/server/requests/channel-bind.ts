/** ChannelBind, RFC 8656 §12.2. */
import type { Millis } from "@tsunagi/base";
import { attributeOf, type StunMessage } from "@tsunagi/stun";
import { TURN_ATTRIBUTES } from "../../attributes/index.ts";
import { MAX_SERVED_CHANNEL, MIN_CHANNEL } from "../../channel-data.ts";
import type { Allocation } from "../allocation.ts";
import { bindChannel, CHANNEL_LIFETIME_MS, channelOf, channelsFit, channelTo, unbindChannel } from "../channels.ts";
import type { Core } from "../core.ts";
import type { Exchange } from "../exchange.ts";
import { installPermission, judgePeer, permissionsFit } from "../permissions.ts";
import { mayLeave } from "../relaying.ts";

export function channelBind(core: Core, now: Millis, exchange: Exchange, request: StunMessage, allocation: Allocation) {
  // RFC 6062 §5: a relay for connections has no channels.
  if (allocation.transport === "tcp") return exchange.fail(now, 403);
  const number = attributeOf(request, TURN_ATTRIBUTES.CHANNEL_NUMBER);
  const peer = attributeOf(request, TURN_ATTRIBUTES.XOR_PEER_ADDRESS);
  if (number === undefined || peer === undefined || peer.port === 0) return exchange.fail(now, 400);
  if (number < MIN_CHANNEL || number > MAX_SERVED_CHANNEL) return exchange.fail(now, 400);

  // A number has one peer and a peer has one number, until the binding expires.
  const bound = channelOf(allocation, now, number);
  const permission = allocation.permissions?.get(peer.address);
  const other = permission === undefined ? undefined : channelTo(permission, now, peer.port);
  if (bound !== other) return exchange.fail(now, 400);

  const judgement = judgePeer(core, allocation, peer);
  if (judgement.type === "refused") return exchange.fail(now, judgement.code);
  // The port is named here: where only relays may be reached, one must be there.
  if (!mayLeave(core.policy, judgement, peer.port) && core.allocations.at(peer.address, peer.port) === undefined)
    return exchange.fail(now, 403);
  if (!permissionsFit(core, allocation, permission === undefined ? 1 : 0)) return exchange.fail(now, 508);
  if (bound === undefined) {
    // One that has expired may wait for its sweep under the same number or peer.
    const expired = allocation.channels?.get(number);
    if (expired !== undefined) unbindChannel(core, allocation, expired);
    const former = [permission?.channel, ...(permission?.channels ?? [])].find((each) => each?.port === peer.port);
    if (former !== undefined) unbindChannel(core, allocation, former);
    if (!channelsFit(core, allocation)) return exchange.fail(now, 508);
  }
  const installed = installPermission(core, now, allocation, peer.address, judgement);
  if (bound === undefined) bindChannel(core, now, allocation, installed, number, peer.port);
  else bound.expiresAt = now + CHANNEL_LIFETIME_MS;
  exchange.succeed();
}
