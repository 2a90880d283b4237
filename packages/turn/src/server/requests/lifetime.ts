/** How long an allocation lives from now, RFC 8656 §7.2 and §8.2. */
import { attributeOf, type StunMessage } from "@tsunagi/stun";
import { TURN_ATTRIBUTES } from "../../attributes/index.ts";
import type { Core } from "../core.ts";

/** Seconds: what is asked for, but not less than the default nor more than the most. Zero only has a meaning in Refresh, which looks for it first. */
export function lifetimeOf(core: Core, request: StunMessage): number {
  const { defaultLifetimeS, maxLifetimeS } = core.policy.limits;
  return Math.min(Math.max(attributeOf(request, TURN_ATTRIBUTES.LIFETIME) ?? 0, defaultLifetimeS), maxLifetimeS);
}
