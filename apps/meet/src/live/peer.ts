/** The peer of who broadcasts or watches: nobody can call it, and its end is told with the last error before it. */
import type { CallTools } from "../call/base-call.ts";
import type { ServerLink } from "../call/model.ts";
import type { Peer, PeerOptions } from "../sdk.ts";
import { appError, type ShownError, toShownError } from "../text/errors.ts";

export type LivePeerEvents = {
  readonly onOpen: (peer: Peer) => void;
  readonly onLink: (link: ServerLink) => void;
  /** Also where there could be none. */
  readonly onEnd: (error: ShownError) => void;
};

export function openPeer(tools: Pick<CallTools, "sdk">, options: PeerOptions, events: LivePeerEvents): Peer | undefined {
  let peer: Peer;
  try {
    peer = tools.sdk.createPeer(options);
  } catch (error) {
    events.onEnd(toShownError(error));
    return undefined;
  }
  let lastError: ShownError | undefined;
  peer.on("open", () => events.onOpen(peer));
  peer.on("reconnecting", ({ attempt }) => events.onLink({ state: "reconnecting", attempt }));
  peer.on("reconnected", () => events.onLink({ state: "up" }));
  peer.on("connection", (connection) => connection.close());
  peer.on("call", (call) => call.reject("busy"));
  peer.on("error", (error) => {
    lastError = toShownError(error);
  });
  peer.on("close", () => events.onEnd(lastError ?? appError("meet.connection.closed", "the connection to the server ended")));
  return peer;
}
