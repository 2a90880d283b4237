/** WHIP and WHEP as a page without any SDK speaks them: fetch and RTCPeerConnection. Run in the page. */
declare global {
  var session: { readonly connection: RTCPeerConnection; readonly url: string; readonly headers: Record<string, string> };
}

export type Ask = { readonly url: string };

/** Sends a red picture and 880 Hz, or a green one and 440; leaves `session` in the page. */
export async function publishBare({ url, colour }: Ask & { readonly colour: "red" | "green" }): Promise<number> {
  const stream = helpers.signal(colour === "red" ? { colour: "#c02020", hz: 880 } : { colour: "#20a020", hz: 440 });
  const connection = new RTCPeerConnection();
  for (const track of stream.getTracks()) connection.addTransceiver(track, { direction: "sendonly", streams: [stream] });
  await connection.setLocalDescription();
  const reply = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/sdp" },
    body: connection.localDescription?.sdp ?? "",
  });
  const headers = Object.fromEntries(reply.headers);
  globalThis.session = { connection, url: new URL(headers.location ?? "", url).href, headers };
  if (reply.status === 201) await connection.setRemoteDescription({ type: "answer", sdp: await reply.text() });
  return reply.status;
}

/** Shows what comes in `<video id="remote">`. */
export async function watchBare({ url }: Ask): Promise<number> {
  const connection = new RTCPeerConnection();
  connection.addTransceiver("audio", { direction: "recvonly" });
  connection.addTransceiver("video", { direction: "recvonly" });
  connection.addEventListener("track", ({ streams: [stream] }) => {
    if (stream !== undefined) helpers.show("remote", stream);
  });
  await connection.setLocalDescription();
  const reply = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/sdp" },
    body: connection.localDescription?.sdp ?? "",
  });
  const headers = Object.fromEntries(reply.headers);
  globalThis.session = { connection, url: new URL(headers.location ?? "", url).href, headers };
  if (reply.status === 201) await connection.setRemoteDescription({ type: "answer", sdp: await reply.text() });
  return reply.status;
}
