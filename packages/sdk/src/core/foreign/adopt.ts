/** A connection whose other end is of another client library: how its end is noticed, and what else it wants. */
import { sdkError } from "../errors.ts";
import { type DataChannelPort, listen, type PeerConnectionPort } from "../ports.ts";
import { createCodec } from "./codec.ts";
import type { ForeignModule } from "./index.ts";

export const adopt: ForeignModule["adopt"] = (link, connection, report) => {
  const { framing } = link;
  if (framing === undefined) return;
  const ended = () => connection.close();
  link.on("negotiated", (pc) => watchTransport(pc, ended));
  if (connection.type === "data") {
    connection.useCodec((options, lossy) => createCodec(framing, options, lossy));
    return;
  }
  if (framing !== "peerjs") return;
  // Its calls have a data channel too, whose end is how it hangs up.
  const watch = (channel: DataChannelPort) => listen(channel, "close", ended);
  link.on("peerConnection", (pc, { offering }) => {
    if (offering) watch(pc.createDataChannel("", { ordered: false }));
  });
  link.on("datachannel", watch);
  link.on("fixed", () => {
    if (link.peerConnection !== null && wantsMore(link.peerConnection)) report(fixedCall());
  });
};

const watched = new WeakSet<object>();

/** Other libraries often just close: the DTLS alert of it (RFC 8829 §4.1.22) comes long before ICE notices. */
function watchTransport(pc: PeerConnectionPort, onClosed: () => void): void {
  const transports = [pc.sctp?.transport, ...pc.getSenders().map(({ transport }) => transport)];
  for (const transport of transports) {
    if (!transport || watched.has(transport)) continue;
    watched.add(transport);
    listen(transport, "statechange", () => {
      if (transport.state === "closed") onClosed();
    });
  }
}

/** Whether there is a track to send in a section that was not negotiated for it. */
function wantsMore(pc: PeerConnectionPort): boolean {
  return pc.getTransceivers().some(({ sender, currentDirection }) => {
    return sender.track !== null && currentDirection !== "sendrecv" && currentDirection !== "sendonly";
  });
}

function fixedCall() {
  return sdkError("connection.framing.unsupported", "peerjs negotiates a call once: nothing more can be sent in it", {
    remedy: "Begin the call with all that it may need, and use replaceTrack() or replaceStream(); or make another call.",
  });
}
