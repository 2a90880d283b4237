/** What each error code means to the person in front of the screen, and what to do now. */
import type { DataErrorCode, DeviceErrorCode, SdkErrorCode } from "@tsunagi/sdk";

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
  "room.code.unreachable": ["A part of this page could not be loaded.", "Reload the page."],
  "sfu.room.unavailable": ["The server cannot carry the picture and sound of this room now.", "Try again in a moment."],
  "sfu.worker.lost": [
    "The part of the server that carried picture and sound has ended.",
    "You will be connected again by yourself in a moment.",
  ],
  "sfu.capacity.reached": ["The server carries as many people as it can.", "Try again in a few minutes."],
  "sfu.offer.malformed": [
    "This page and the server could not agree on how to send picture and sound.",
    "Reload the page, or update the browser.",
  ],
  "sfu.offer.codec": [
    "This browser has no video or sound format that the server passes on.",
    "Update the browser, or use another one.",
  ],
  "sfu.offer.pending": ["Too much changed in a short time.", "Wait a few seconds, then try again."],
  "sfu.publication.limit": ["You send as much as is allowed.", "Turn off your camera or your shared screen, then try again."],
  "sfu.publication.duplicate": ["This page and the server lost step with each other.", "Join again."],
  "sfu.publication.unknown": ["The server does not know of what you send.", "Turn it off and on again."],
  "sfu.slot.limit": ["You receive as many pictures as is allowed.", "Use a layout with fewer people."],
  "sfu.transport.failed": [
    "The server could not open a way for picture and sound.",
    "Try again. If it goes on, tell the operator the code below.",
  ],

  // End-to-end encryption (@tsunagi/sdk/e2ee)
  "e2ee.browser.unsupported": [
    "This browser cannot encrypt from end to end.",
    "Use a current Chromium, Firefox or Safari, over https.",
  ],
  "e2ee.worker.failed": ["The part of this page that encrypts did not start.", "Reload the page."],
  "e2ee.room.reused": ["This page and the room lost step with each other.", "Join again."],
  "e2ee.member.plain": [
    "Someone here does not encrypt, so you cannot see each other.",
    "Send that person the whole link, with the part after the #.",
  ],
  "e2ee.passphrase.mismatch": [
    "Someone here has another key, so you cannot see each other.",
    "Send that person the whole link, with the part after the #.",
  ],
  "e2ee.key.missing": ["Someone’s key did not arrive.", "Join again."],
  "e2ee.key.damaged": ["Someone’s key arrived damaged.", "Join again. If it happens again, tell the operator the code below."],

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

  // Signalling, connections and data (packages/sdk)
  "signal.server.unreachable": [
    "The server cannot be reached.",
    "Check that you are online and that the server is running, then try again.",
  ],
  "signal.server.confused": ["The server answered in a way that this page does not understand.", "Reload the page."],
  "signal.request.timeout": ["The server did not answer in time.", "Try again."],
  "signal.client.closed": ["This page is no longer connected to the server.", "Connect again."],
  "signal.credential.failed": ["Signing in did not work.", "Sign in again, then open the link once more."],
  "signal.options.invalid": ["This page was set up wrongly.", "Check the API key in the settings."],
  "connection.state.closed": ["This call is already over.", "Call again."],
  "connection.state.answered": ["This call was answered already.", "Go on with the call, or hang up."],
  "connection.transport.failed": [
    "No connection between the two of you could be made.",
    "Try another network, or ask the operator whether a TURN server is set up.",
  ],
  "connection.negotiation.failed": [
    "The two browsers could not agree on how to send picture and sound.",
    "Update both browsers, then call again.",
  ],
  "connection.target.invalid": ["You cannot call yourself.", "Enter the other side’s ID."],
  "media.track.unknown": ["The device could not be changed during the call.", "Turn it off and on again."],
  "media.screen.failed": ["The screen could not be shared.", "Choose another window, or restart the browser."],
  "media.speaker.unsupported": [
    "This browser uses the system’s speaker only.",
    "Choose the speaker in the system’s sound settings.",
  ],
  "data.value.unsupported": ["This cannot be sent.", "Send it as a file."],
  "data.message.too-large": ["That was too long to send.", "Send less at once, or send it as a file."],
  "data.message.aborted": ["Sending was stopped.", "Send it again."],
  "data.queue.full": ["Too much is waiting to be sent.", "Wait a moment, then try again."],
  "data.connection.closed": ["The chat is closed.", "Call again to reopen it."],
  "data.connection.interrupted": ["The connection is being restored.", "Wait a moment, then try again."],
  "data.frame.malformed": ["The other side sent something unreadable.", "Ask the other side to reload the page."],
  "data.peer.unsupported": ["The other side’s program cannot chat in this way.", "Use the same app on both sides."],
  "data.session.lost": ["The chat lost its thread after the connection broke.", "Hang up, then call again."],
  "file.transfer.unsupported": ["The other side’s program cannot receive files.", "Use the same app on both sides."],
  "file.transfer.rejected": ["The file was declined.", "Ask the other side before you send it again."],
  "file.transfer.cancelled": ["The transfer was cancelled.", "Send the file again if it is still wanted."],
  "file.transfer.interrupted": ["The connection ended before the file was whole.", "Send the file again."],
  "file.transfer.limit": ["The other side is receiving as many files as it can.", "Wait until one is done, then send it again."],
  "file.transfer.too-large": ["The file is larger than the other side takes.", "Send a smaller file."],
  "file.transfer.malformed": ["The file arrived damaged.", "Send the file again."],
  "file.metadata.too-large": ["The file’s name is too long.", "Rename the file, then send it again."],
  "file.read.failed": ["The file could not be read.", "Check that it was not moved or changed, then send it again."],
  "file.digest.mismatch": ["The file arrived damaged.", "Send the file again."],

  // The app's own
  "meet.config.unavailable": ["The server did not answer.", "Check that it is running and that you are online, then try again."],
  "meet.file.too-many": ["Those are too many files at once.", "Send at most 10 at a time."],
  "meet.file.nobody": ["Nobody is here to receive the file.", "Wait until someone joins, then send it."],
  "meet.connection.closed": ["The connection to the server ended.", "Check your network, then try again."],
  "meet.app.failed": [
    "Something in this page went wrong.",
    "Reload the page. If it happens again, tell the operator the code below.",
  ],
} as const satisfies Readonly<Record<DataErrorCode | DeviceErrorCode | SdkErrorCode, ErrorText> & Record<string, ErrorText>>;
