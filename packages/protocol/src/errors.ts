/** Every code that the server sends, with what it means. PROTOCOL.md's list is held equal to this one by a test. */

export const ERROR_CODES = {
  "protocol.version.unsupported": "The client speaks a protocol version that this server does not.",
  "protocol.message.malformed": "The message is not JSON, or a field is missing or has the wrong type.",
  "protocol.message.unknown": "The message's type is not known.",
  "protocol.message.too-large": "The message is longer than limits.messageBytes.",
  "protocol.message.out-of-order": "The message is not allowed now: before open, or open twice.",
  "protocol.rate.exceeded": "More messages a second than limits.messagesPerSecond.",
  "protocol.hello.timeout": "No open or resume arrived in time.",
  "protocol.heartbeat.timeout": "The client did not answer for too long.",
  "auth.key.unknown": "No enabled app has this API key.",
  "auth.origin.denied": "The page's origin is not on the app's list.",
  "auth.credential.required": "The app demands a token or credential and a peer ID.",
  "auth.credential.invalid": "The token or credential is forged, damaged, not yet valid, or names another peer ID.",
  "auth.credential.expired": "The token or credential has expired.",
  "auth.permission.denied": "The token or the app's switches do not allow this.",
  "peer.id.invalid": "The peer ID has characters that are not allowed, or is too long.",
  "peer.id.taken": "Another live session has this peer ID.",
  "peer.limit.reached": "The app has as many peers as it may have.",
  "peer.session.replaced": "The same session was resumed on another socket.",
  "peer.session.disconnected": "The operator ended this session.",
  "peer.target.unavailable": "No such peer is there now.",
  "session.resume.invalid": "The resume token is forged, too old, or from another app's key.",
  "session.resume.lost": "The session ended before it could be resumed.",
  "session.buffer.overflow": "Too much piled up while the client was away.",
  "server.drain.restart": "The server restarts: connect again and resume.",
  "server.capacity.reached": "The server has as many connections as it may have.",
  "server.internal.failed": "The server failed; the operator's log tells more.",
  "connection.id.unknown": "No such connection between these two peers.",
  "connection.id.taken": "The caller already uses this connection ID with this peer.",
  "connection.state.invalid":
    "The message does not fit the connection's state: an answer without an offer, a reject after the answer.",
  "connection.limit.reached": "The peer has as many connections as it may have.",
  "room.name.invalid": "The room name is empty, too long or has control characters.",
  "room.mode.unsupported": "This server does not offer the mode: no SFU is configured, or it is not built yet.",
  "room.mode.conflict": "The room exists with another mode.",
  "room.member.limit": "The room is full.",
  "room.member.duplicate": "The peer is already in the room.",
  "room.member.required": "The sender is not in the room.",
  "room.limit.reached": "The peer is in as many rooms as it may be, or the app has as many rooms as it may have.",
  "sfu.room.unavailable": "The SFU cannot be reached now, or does not know this member's room.",
  "sfu.worker.lost": "The SFU's process that carried this member's media has ended.",
  "sfu.capacity.reached": "The SFU has as many members as it may have.",
  "sfu.offer.malformed": "The description cannot be read, or does not fit the sections named beside it.",
  "sfu.offer.codec": "A section offers no codec that the SFU forwards.",
  "sfu.offer.pending": "Too many offers of this member wait for their answer.",
  "sfu.publication.limit": "The member publishes as much as it may.",
  "sfu.publication.duplicate": "Another member has this publication ID, or it stands twice in the offer.",
  "sfu.publication.unknown": "The sender has no such publication in this room.",
  "sfu.slot.limit": "The member has as many sections to receive in as it may have.",
  "sfu.transport.failed": "The SFU could not open a transport for this offer.",
  "room.operator.closed": "The operator closed the room.",
  "room.operator.removed": "The operator removed this member.",
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** WebSocket close codes (RFC 6455 §7.4.2, private range). A `bye` with the error code comes first where the client can still read. */
export const CLOSE_CODES = {
  /** The session is over: do not reconnect. */
  final: 4000,
  /** Reconnect and resume. */
  retry: 4001,
  /** Another socket took the session. */
  replaced: 4002,
} as const;
