/** Error codes of end-to-end encryption. */
import { CodedError, type CodedErrorOptions } from "@tsunagi/base";

export const E2EE_ERROR_CODES = {
  "e2ee.browser.unsupported": "This browser cannot transform encoded frames, so nothing can be encrypted end to end.",
  "e2ee.worker.failed": "The worker that encrypts frames did not start.",
  "e2ee.room.reused": "One createE2ee() serves one room; make another one for the next room.",
  "e2ee.member.plain": "A member of the room does not encrypt: its media is not shown, and it cannot see ours.",
  "e2ee.passphrase.mismatch": "A member of the room has another passphrase, or only one of the two has one.",
  "e2ee.key.missing": "A member's key was asked for several times and did not come.",
  "e2ee.key.damaged": "A key that a member sent cannot be opened: it was changed on its way, or is not for us.",
} as const;

export type E2eeErrorCode = keyof typeof E2EE_ERROR_CODES;

export function e2eeError(code: E2eeErrorCode, message?: string, options?: CodedErrorOptions): CodedError {
  return new CodedError(code, message ?? E2EE_ERROR_CODES[code], options);
}
