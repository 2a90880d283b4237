/** What each error code means to the person in front of the screen, and what to do now. */

/** What happened (and why, as far as known), then the remedy. */
export type ErrorText = readonly [happened: string, remedy?: string];

export const errorsEn = {
  // The server's (packages/protocol)
  "protocol.version.unsupported": ["This page and the server speak different versions.", "Reload the page."],
  "protocol.message.malformed": [
    "The server did not understand this page.",
    "Reload the page. If it happens again, tell the operator.",
  ],
  "protocol.message.unknown": ["The server does not know this request; it may be older than this page.", "Reload the page."],
  "protocol.message.too-large": ["That was too long to send.", "Send less at once, or send it as a file."],
  "protocol.message.out-of-order": ["This page and the server lost step with each other.", "Reload the page."],
  "protocol.rate.exceeded": ["Too much was sent in a short time.", "Wait a few seconds, then try again."],
  "protocol.hello.timeout": ["The connection was too slow to begin.", "Check your network, then try again."],
  "protocol.heartbeat.timeout": ["Your network was silent for too long.", "Check your network, then try again."],
  "auth.key.unknown": ["The server does not know this API key.", "Check the key in the settings, or leave it empty there."],
  "auth.origin.denied": [
    "This app may not be used from this web address.",
    "Ask the operator to add the address of this page to the app’s allowed origins.",
  ],
  "auth.credential.required": [
    "This app admits only people who are signed in.",
    "Open it through the link or page that signs you in.",
  ],
  "auth.credential.invalid": ["Your sign-in was not accepted.", "Sign in again, then open the link once more."],
  "auth.credential.expired": ["Your sign-in has expired.", "Sign in again, then open the link once more."],
  "auth.permission.denied": ["You are not permitted to do this here.", "Ask whoever invited you for permission."],
  "peer.id.invalid": ["This ID has characters that are not allowed, or is too long.", "Use letters, digits, - and _ only."],
  "peer.id.taken": ["Your ID is in use elsewhere, perhaps in another tab.", "Close the other tab, then try again."],
  "peer.limit.reached": [
    "As many people are connected as this app allows.",
    "Try again later, or ask the operator for a higher limit.",
  ],
  "peer.session.replaced": ["The connection was taken over by another page.", "Use the other page, or reload this one."],
  "peer.session.disconnected": ["The operator ended your connection.", "Ask the operator for the reason."],
  "peer.target.unavailable": [
    "Nobody with this ID is there now.",
    "Check the ID, and whether the other side has the phone open.",
  ],
  "session.resume.invalid": ["The server did not recognise your earlier connection.", "Connect again."],
  "session.resume.lost": ["You were away for too long; the server ended your connection.", "Connect again."],
  "session.buffer.overflow": ["Too much happened while you were away.", "Connect again."],
  "server.drain.restart": ["The server is restarting.", "You will be connected again by yourself in a moment."],
  "server.capacity.reached": ["The server is full.", "Try again in a few minutes."],
  "server.internal.failed": ["The server made a mistake.", "Try again. If it goes on, tell the operator the code below."],
  "connection.id.unknown": ["This call is already over.", "Call again."],
  "connection.id.taken": ["This call already exists.", "Hang up, then call again."],
  "connection.state.invalid": ["The two sides of the call lost step with each other.", "Hang up, then call again."],
  "connection.limit.reached": ["You have as many connections as are allowed.", "End one of them, then try again."],
  "room.name.invalid": ["This room name cannot be used.", "Choose a shorter one without control characters."],
  "room.mode.unsupported": ["This server does not offer this kind of room.", "Use another room."],
  "room.mode.conflict": ["The room exists already, as another kind of room.", "Choose another room name."],
  "room.member.limit": ["The room is full.", "Ask someone to leave, or try again later."],
  "room.member.duplicate": ["You are already in this room.", "Close the other tab, then try again."],
  "room.member.required": ["You are no longer in this room.", "Join again."],
  "room.limit.reached": ["There are as many rooms as are allowed.", "Leave another room, or try again later."],
  "room.operator.closed": ["The operator closed the room.", "Ask the operator for the reason."],
  "room.operator.removed": ["The operator removed you from the room.", "Ask the operator for the reason."],

  // Devices (packages/sdk)
  "media.permission.denied": [
    "This page may not use your camera or microphone.",
    "Click the camera or lock symbol beside the address, choose Allow, then press Try again.",
  ],
  "media.device.missing": ["No camera or microphone was found.", "Connect one, then press Try again."],
  "media.device.busy": ["Another program is using your camera or microphone.", "Close it there, then press Try again."],
  "media.device.failed": ["The camera or microphone did not start.", "Unplug it and plug it in again, then press Try again."],
  "media.device.lost": [
    "Your camera or microphone was disconnected.",
    "Connect it again, or choose another one in the settings.",
  ],
  "media.context.insecure": [
    "Browsers give camera and microphone only to secure pages.",
    "Open this page by its https:// address, or on localhost.",
  ],
  "media.constraint.unsatisfied": ["The chosen device cannot do what was asked of it.", "Choose another device."],
  "media.screen.cancelled": ["Nothing was shared.", "Press Share screen again and choose a screen, window or tab."],
  "media.screen.unsupported": ["This browser cannot share the screen.", "Use a browser on a computer."],

  // The app's own
  "meet.config.unavailable": ["The server did not answer.", "Check that it is running and that you are online, then try again."],
  "meet.file.too-many": ["Those are too many files at once.", "Send at most 10 at a time."],
  "meet.file.nobody": ["Nobody is here to receive the file.", "Wait until someone joins, then send it."],
  "meet.connection.closed": ["The connection to the server ended.", "Check your network, then try again."],
  "meet.app.failed": [
    "Something in this page went wrong.",
    "Reload the page. If it happens again, tell the operator the code below.",
  ],
} as const satisfies Readonly<Record<string, ErrorText>>;
