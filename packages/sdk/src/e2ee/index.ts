/** End-to-end encryption for rooms, an entry of its own: `@tsunagi/sdk/e2ee`. */
import { browserFrames } from "./browser.ts";
import { E2ee } from "./e2ee.ts";

export type { FrameTransforms } from "../core/frame-transforms.ts";
export { E2ee, type E2eeEvents } from "./e2ee.ts";
export { E2EE_ERROR_CODES, type E2eeErrorCode } from "./errors.ts";
export type { DropReason } from "./frames/opener.ts";
export type { MemberKeyState } from "./keys/key-exchange.ts";
export type { FrameCounters } from "./worker/messages.ts";

export type E2eeOptions = {
  /**
   * What the members agreed on elsewhere. With it the server cannot stand between two members unnoticed; without it, it could.
   * Long ones (five words or more): who has recorded the exchange may guess.
   */
  readonly passphrase?: string | undefined;
  /** Where `@tsunagi/sdk/e2ee/worker` is served, for pages whose content security policy allows no `blob:` workers. */
  readonly workerUrl?: string | URL | undefined;
};

/**
 * For one room: `peer.joinRoom(name, { mode: "sfu", e2ee: createE2ee({ passphrase }) })`.
 *
 * @throws {CodedError} `e2ee.browser.unsupported`
 */
export function createE2ee(options: E2eeOptions = {}): E2ee {
  return new E2ee(options, browserFrames(options.workerUrl));
}
