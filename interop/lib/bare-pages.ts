/** WHIP and WHEP as a page without any SDK speaks them: fetch and RTCPeerConnection. Run in the page. */
declare global {
  var session: { readonly connection: RTCPeerConnection; readonly url: string; readonly headers: Record<string, string> };
}

export type Ask = { readonly url: string };

type Sends = Ask & { readonly colour: "red" | "green"; readonly layers?: boolean };

/** Sends a red picture and 880 Hz, or a green one and 440; leaves `session` in the page. */
export async function publishBare({ url, colour, layers = false }: Sends): Promise<number> {
  const what = colour === "red" ? { colour: "#c02020", hz: 880 } : { colour: "#20a020", hz: 440 };
  const stream = helpers.signal(layers ? { ...what, width: 640, height: 360 } : what);
  const connection = new RTCPeerConnection();
  for (const track of stream.getTracks()) {
    const simulcast = layers && track.kind === "video";
    const sendEncodings = simulcast
      ? [
          { rid: "l", scaleResolutionDownBy: 4 },
          { rid: "m", scaleResolutionDownBy: 2 },
          { rid: "h", scaleResolutionDownBy: 1 },
        ]
      : [{}];
    connection.addTransceiver(track, { direction: "sendonly", streams: [stream], sendEncodings });
  }
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
