/** What the core answers when it does not do what was asked: a code, a sentence, and the remedy where someone can act. */
import type { ErrorCode } from "@tsunagi/protocol";

export type Refusal = { readonly code: ErrorCode; readonly message: string; readonly remedy?: string | undefined };

const REMEDIES: { readonly [Code in ErrorCode]?: string } = {
  "auth.key.unknown": "Check the API key: `tsunagi keys` and the console list them.",
  "auth.origin.denied": "Add the page's origin to the app's allowed origins.",
  "auth.credential.required": "Have your back end sign a token or credential and pass it with a peer ID.",
  "auth.credential.invalid": "Sign with the app's current secret, for this peer ID, and check the clock of the signing machine.",
  "auth.credential.expired": "Get a fresh token or credential from your back end.",
  "auth.permission.denied": "Grant it in the token, or switch it on for the app.",
  "peer.id.invalid": "Use letters, digits, `_`, `-` and single spaces, at most 128 characters.",
  "peer.id.taken": "Choose another peer ID, or leave it out to be given one.",
  "peer.limit.reached": "Raise the app's limit `peers`.",
  "connection.limit.reached": "Close connections, or raise the app's limit `connectionsPerPeer`.",
  "room.name.invalid": "Use 1 to 128 characters without control characters.",
  "room.mode.unsupported": 'Join with mode "mesh", or switch the SFU on in the configuration.',
  "room.mode.conflict": "Join with the room's mode, or use another room name.",
  "room.member.limit": "Raise the app's limit `roomMembers` (`sfuRoomMembers` for SFU rooms), or use another room.",
  "sfu.room.unavailable": "Try again a little later; if it stays so, the operator's log tells why the SFU is not there.",
  "sfu.worker.lost": "Offer again, with a new RTCPeerConnection and a higher epoch.",
  "sfu.capacity.reached": "Try again later, or raise `sfu.limits.members`.",
  "sfu.offer.too-large": 'Receive less at once: `subscribe: "manual"`, or `unsubscribe`.',
  "sfu.offer.codec": "Offer VP8, VP9, H.264 or AV1, and Opus.",
  "sfu.publication.limit": "Publish less, or raise `sfu.limits.publicationsPerMember`.",
  "sfu.publication.duplicate": "Choose a random ID for each publication.",
  "room.limit.reached": "Leave rooms, or raise the app's limits `rooms` and `roomsPerPeer`.",
  "protocol.rate.exceeded": "Send less often, or raise the app's limit `messagesPerSecond`.",
  "protocol.message.too-large": "Send less at once, or raise the app's limit `messageBytes`.",
  "session.resume.lost": "Open a new session.",
  "session.resume.invalid": "Open a new session.",
};

export function refusal(code: ErrorCode, message: string): Refusal {
  const remedy = REMEDIES[code];
  return remedy === undefined ? { code, message } : { code, message, remedy };
}
