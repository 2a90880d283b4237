/** Turns a client's relayed message into the one its receiver gets, without building the text a second time where that is possible. */
import type { Outbound, RelayBody } from "./messages.ts";

/**
 * @param text the message as it came, already parsed into `message`
 * @param from the sender's peer ID, which the server knows
 * @returns the same message with `from` instead of `to`; fields that the server does not know go through
 */
export function readdress(text: string, message: Outbound<RelayBody>, from: string): string {
  // A sender that brings a `from` of its own would be believed if it came after ours.
  if (!("from" in message)) {
    const to = `"to":${JSON.stringify(message.to)}`;
    // Only places where this can be nothing but the field of the outermost object: right after its first brace, right after a type
    // without escapes, or right before its last brace. (A comma before an opening quote is never inside a JSON string.)
    if (text.startsWith(`{${to},`)) return `{"from":${JSON.stringify(from)},${text.slice(to.length + 2)}`;
    const head = `{"type":"${message.type}",${to},`;
    if (text.startsWith(head)) return `{"type":"${message.type}","from":${JSON.stringify(from)},${text.slice(head.length)}`;
    const tail = `,${to}}`;
    if (text.endsWith(tail)) return `${text.slice(0, -tail.length)},"from":${JSON.stringify(from)}}`;
  }
  return relayText(message, from);
}

/** A client's relayed message as its receiver gets it. */
export function relayText(message: Outbound<RelayBody>, from: string): string {
  const { to: _, ...body } = message;
  return JSON.stringify({ ...body, from });
}
