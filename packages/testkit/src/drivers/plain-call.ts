/** A call of plain RTCPeerConnections between two pages, with the test in the place of a signalling server: proves browsers and drivers. */
import type { BrowserPage } from "./browser-page.ts";

declare global {
  var connection: RTCPeerConnection;
}

/** `devices` are the browser's fake camera and microphone; `signal` is a steady picture and tone, and needs no secure context. */
export type Source = "devices" | "signal";

/** Leaves `connection` in both pages and the received media in `<video id="remote">`. Vanilla ICE: one description each way. */
export async function plainCall(caller: BrowserPage, callee: BrowserPage, source: Source = "devices"): Promise<void> {
  const offer = await caller.evaluate(describe, source, undefined);
  const answer = await callee.evaluate(describe, source, offer);
  await caller.evaluate(async (sdp) => connection.setRemoteDescription({ type: "answer", sdp }), answer);
  for (const page of [caller, callee]) {
    await page.waitFor(() => connection.connectionState === "connected", { what: "the connection" });
  }
}

/** Makes the connection with the source's media, and an offer, or the answer to the offer given. */
async function describe(source: Source, offer: string | undefined): Promise<string> {
  const local =
    source === "signal"
      ? helpers.signal()
      : await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
  const connection = new RTCPeerConnection();
  globalThis.connection = connection;
  connection.addEventListener("track", ({ streams: [stream] }) => {
    if (stream !== undefined) helpers.show("remote", stream);
  });
  if (offer !== undefined) await connection.setRemoteDescription({ type: "offer", sdp: offer });
  for (const track of local.getTracks()) connection.addTrack(track, local);
  await connection.setLocalDescription();
  await helpers.within(
    10_000,
    "gathering candidates",
    new Promise<void>((resolve) => {
      const look = () => {
        if (connection.iceGatheringState === "complete") resolve();
      };
      connection.addEventListener("icegatheringstatechange", look);
      look();
    }),
  );
  return connection.localDescription?.sdp ?? "";
}
