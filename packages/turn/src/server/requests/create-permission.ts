/** CreatePermission, RFC 8656 §10.2: several peers, all or none. */
import type { Millis } from "@tsunagi/base";
import type { StunMessage } from "@tsunagi/stun";
import { TURN_ATTRIBUTES } from "../../attributes/index.ts";
import type { Allocation } from "../allocation.ts";
import type { Core } from "../core.ts";
import type { Exchange } from "../exchange.ts";
import { installPermission, judgePeer, type PeerJudgement, permissionsFit } from "../permissions.ts";

export function createPermission(core: Core, now: Millis, exchange: Exchange, request: StunMessage, allocation: Allocation) {
  const { XOR_PEER_ADDRESS } = TURN_ATTRIBUTES;
  const judged = new Map<string, PeerJudgement & { readonly type: "granted" }>();
  for (const { type, value } of request.attributes) {
    if (type !== XOR_PEER_ADDRESS.type) continue;
    // The port is ignored.
    const peer = XOR_PEER_ADDRESS.decode(value, exchange.transactionId);
    const judgement = judgePeer(core, allocation, peer);
    if (judgement.type === "refused") return exchange.fail(now, judgement.code);
    judged.set(peer.address, judgement);
  }
  if (judged.size === 0) return exchange.fail(now, 400);
  const added = [...judged.keys()].filter((address) => allocation.permissions?.has(address) !== true).length;
  if (!permissionsFit(core, allocation, added)) return exchange.fail(now, 508);
  for (const [address, judgement] of judged) installPermission(core, now, allocation, address, judgement);
  exchange.succeed();
}
