/** The telephone line's states: one call at a time, from the first ring to what is said after it. */
import type { ShownError } from "../text/errors.ts";
import type { CallEnd } from "./model.ts";

export type Party = { readonly id: string; readonly name: string };

export type Line =
  | { readonly at: "idle" }
  /** Camera and microphone start before the call goes out. */
  | { readonly at: "preparing"; readonly party: Party; readonly video: boolean }
  /** They did not start: the user decides whether to call without. */
  | { readonly at: "blocked"; readonly party: Party; readonly video: boolean; readonly error: ShownError }
  | { readonly at: "dialing"; readonly party: Party; readonly video: boolean }
  | { readonly at: "incoming"; readonly party: Party }
  /** Answered; whether media flows yet is the call's own matter. */
  | { readonly at: "talking"; readonly party: Party; readonly video: boolean }
  | { readonly at: "ended"; readonly party: Party; readonly video: boolean; readonly outgoing: boolean; readonly end: CallEnd };

export type LineEvent =
  | { readonly type: "dial"; readonly party: Party; readonly video: boolean }
  | { readonly type: "blocked"; readonly error: ShownError }
  | { readonly type: "dialed" }
  | { readonly type: "ring"; readonly party: Party }
  | { readonly type: "accept"; readonly video: boolean }
  | { readonly type: "answered" }
  /** The other side told its name. */
  | { readonly type: "named"; readonly name: string }
  | { readonly type: "end"; readonly end: CallEnd; readonly outgoing: boolean }
  | { readonly type: "dismiss" };

/** Whether another call would be one too many. */
export function isBusy(line: Line): boolean {
  return line.at !== "idle" && line.at !== "ended";
}

/** What follows; the same object for an event that does not fit, such as an answer after the hang-up. */
export function nextLine(line: Line, event: LineEvent): Line {
  switch (event.type) {
    case "dial":
      return isBusy(line) && line.at !== "blocked" ? line : { at: "preparing", party: event.party, video: event.video };
    case "blocked":
      return line.at === "preparing" ? { ...line, at: "blocked", error: event.error } : line;
    case "dialed":
      return line.at === "preparing" || line.at === "blocked" ? { at: "dialing", party: line.party, video: line.video } : line;
    case "ring":
      return isBusy(line) ? line : { at: "incoming", party: event.party };
    case "accept":
      return line.at === "incoming" ? { at: "talking", party: line.party, video: event.video } : line;
    case "answered":
      return line.at === "dialing" ? { at: "talking", party: line.party, video: line.video } : line;
    case "named":
      return line.at === "talking" ? { ...line, party: { ...line.party, name: event.name } } : line;
    case "end":
      if (line.at === "idle" || line.at === "ended") return line;
      return {
        at: "ended",
        party: line.party,
        video: line.at === "incoming" ? true : line.video,
        outgoing: event.outgoing,
        end: event.end,
      };
    case "dismiss":
      return line.at === "ended" || line.at === "blocked" ? { at: "idle" } : line;
  }
}

/** A number that can be read out: three groups of three digits. One in a thousand million; the server refuses one that is taken. */
export function makePhoneId(random: (bytes: Uint8Array) => Uint8Array): string {
  const digits = Array.from(random(new Uint8Array(9)), (byte) => String(byte % 10)).join("");
  return `${digits.slice(0, 3)}-${digits.slice(3, 6)}-${digits.slice(6)}`;
}

/** What people type or paste: spaces around, a whole link, a number without its hyphens or in full-width digits. */
export function readPhoneId(text: string): string {
  const plain = text.normalize("NFKC").trim();
  if (/^https?:\/\//.test(plain) && URL.canParse(plain)) {
    const call = new URL(plain).searchParams.get("call");
    if (call !== null) return call;
  }
  const digits = plain.replace(/[\s-‐‑–—ー−]/g, "");
  if (/^\d{9}$/.test(digits)) return `${digits.slice(0, 3)}-${digits.slice(3, 6)}-${digits.slice(6)}`;
  return plain;
}
