/** One log line for each step in the life of an allocation: no addresses, and users only as a hash under a key of this process. */
import { createHmac, randomBytes } from "node:crypto";
import type { Log } from "@tsunagi/base";
import type { TurnEvent } from "@tsunagi/turn";

const HASH_LENGTH = 10;

export function lifecycleLog(log: Log, key: Uint8Array = randomBytes(16)): (event: TurnEvent) => void {
  const hashed = (user: string) => createHmac("sha256", key).update(user).digest("base64url").slice(0, HASH_LENGTH);
  return (event) => {
    const { allocation } = event;
    const user = hashed(event.user);
    switch (event.type) {
      case "allocated": {
        const { transport, relayTransport, families } = event;
        log.debug({ allocation, user, transport, relayTransport, families }, "TURN allocation began");
        return;
      }
      case "moved":
        log.debug({ allocation, user }, "TURN allocation moved to another address of its client");
        return;
      case "ended": {
        const { transport, relayTransport, reason, durationMs, traffic } = event;
        const seconds = Math.round(durationMs / 1000);
        log.info({ allocation, user, transport, relayTransport, reason, seconds, ...traffic }, "TURN allocation ended");
      }
    }
  };
}
