/** Every code this package can answer bytes from outside with. */
import { type Code, ProtocolError } from "@tsunagi/base";

export const TURN_ERRORS = {
  "turn.channel-data.short": "fewer bytes than the header or its length field promise",
  "turn.channel-data.number": "the channel number is outside 0x4000 to 0x4FFF",
} as const satisfies Record<Code, string>;

export type TurnErrorCode = keyof typeof TURN_ERRORS;

export function turnError(code: TurnErrorCode, detail: string): ProtocolError {
  return new ProtocolError(code, `${TURN_ERRORS[code]}: ${detail}`);
}
