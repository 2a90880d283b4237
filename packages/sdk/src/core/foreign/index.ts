/** What is needed for peers of other client libraries (skyway-js, peerjs): loaded when the first of them is met. */
import type { CodedError } from "@tsunagi/base";
import type { DataConnection } from "../data/data-connection.ts";
import type { Link } from "../link.ts";
import type { MediaConnection } from "../media/media-connection.ts";

export { adopt } from "./adopt.ts";

export type ForeignModule = {
  /** Before the link has its RTCPeerConnection, or before that of its second offer. */
  readonly adopt: (link: Link, connection: MediaConnection | DataConnection, report: (error: CodedError) => void) => void;
};
