/** `application/trickle-ice-sdpfrag` (RFC 8840 §9), as WHIP clients send it in PATCH (RFC 9725 §4.3). */
import { whipError } from "./errors.ts";

/** Lines of one fragment, of which a client with many addresses has some dozens. */
const MAX_LINES = 512;
/** RFC 8839 §5.4: ice-char. */
const UFRAG = /^[A-Za-z0-9+/]{4,256}$/;
const PWD = /^[A-Za-z0-9+/]{22,256}$/;

export type Fragment = {
  readonly iceUfrag: string;
  readonly icePwd: string;
  readonly candidates: readonly { readonly mid: string | undefined; readonly candidate: string }[];
  readonly ended: boolean;
};

/** @throws {CodedError} `whip.fragment.malformed` */
export function parseFragment(text: string): Fragment {
  const lines = text.split(/\r\n|\n|\r/).filter((line) => line !== "");
  if (lines.length > MAX_LINES) throw malformed(`more than ${MAX_LINES} lines`);
  let iceUfrag: string | undefined;
  let icePwd: string | undefined;
  let mid: string | undefined;
  let ended = false;
  const candidates: { mid: string | undefined; candidate: string }[] = [];
  for (const line of lines) {
    if (!/^[a-z]=/.test(line)) throw malformed("a line is not SDP");
    if (line.startsWith("a=ice-ufrag:")) iceUfrag ??= line.slice(12);
    else if (line.startsWith("a=ice-pwd:")) icePwd ??= line.slice(10);
    else if (line.startsWith("a=mid:")) mid = line.slice(6);
    else if (line.startsWith("a=candidate:")) candidates.push({ mid, candidate: line.slice(2) });
    else if (line === "a=end-of-candidates") ended = true;
  }
  if (iceUfrag === undefined || !UFRAG.test(iceUfrag)) throw malformed("no ice-ufrag, or not one");
  if (icePwd === undefined || !PWD.test(icePwd)) throw malformed("no ice-pwd, or not one");
  return { iceUfrag, icePwd, candidates, ended };
}

function malformed(what: string): Error {
  return whipError("whip.fragment.malformed", `the fragment cannot be used: ${what}`);
}
