/** A client of a plane, made of the same library without this package's code around it. */
import { type DataChannel, PeerConnection, type Track, Video } from "node-datachannel";
import type { LocalParameters, RemoteParameters } from "../src/port.ts";

export type Client = {
  readonly connection: PeerConnection;
  readonly track: Track;
  readonly channel: DataChannel;
  readonly remote: RemoteParameters;
  readonly connected: Promise<void>;
  answer(local: LocalParameters): void;
  close(): Promise<void>;
};

export async function openClient(options: { readonly data?: boolean } = {}): Promise<Client> {
  const connection = new PeerConnection("client", { iceServers: [], bindAddress: "127.0.0.1" });
  const media = new Video("0", "SendRecv");
  media.addVP8Codec(96);
  const track = connection.addTrack(media);
  const channel = connection.createDataChannel("first");
  let ended = () => {};
  const end = new Promise<void>((resolve) => {
    ended = resolve;
  });
  let trackEnded = () => {};
  const trackEnd = new Promise<void>((resolve) => {
    trackEnded = resolve;
  });
  const connected = new Promise<void>((resolve) => {
    connection.onStateChange((state) => {
      if (state === "connected") resolve();
      if (state === "closed") ended();
    });
  });
  track.onClosed(trackEnded);
  connection.setLocalDescription("offer");
  const sdp = connection.localDescription()?.sdp ?? "";
  const value = (name: string) => new RegExp(`a=${name}:(.*)`).exec(sdp)?.[1]?.trim() ?? "";
  const [algorithm = "", hash = ""] = value("fingerprint").split(" ");
  return {
    connection,
    track,
    channel,
    remote: {
      iceUfrag: value("ice-ufrag"),
      icePwd: value("ice-pwd"),
      fingerprint: { algorithm, value: hash },
      setup: "actpass",
      sctp: options.data === false ? undefined : { port: 5_000, maxMessageSize: 262_144 },
    },
    connected,
    answer(local) {
      const transport = [
        `a=ice-ufrag:${local.iceUfrag}`,
        `a=ice-pwd:${local.icePwd}`,
        `a=fingerprint:${local.fingerprint.algorithm} ${local.fingerprint.value}`,
        `a=setup:${local.setup}`,
      ];
      const candidates = local.candidates.map(
        (each) => `a=candidate:${each.foundation} 1 UDP ${each.priority} ${each.address} ${each.port} typ host`,
      );
      const lines = [
        "v=0",
        "o=- 1 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0 1",
        "m=video 9 UDP/TLS/RTP/SAVPF 96",
        "c=IN IP4 0.0.0.0",
        ...transport,
        "a=mid:0",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=rtpmap:96 VP8/90000",
        ...candidates,
        options.data === false
          ? "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"
          : "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        ...transport,
        "a=mid:1",
        "a=sctp-port:5000",
        "a=max-message-size:65536",
      ];
      connection.setRemoteDescription(`${lines.join("\r\n")}\r\n`, "answer");
    },
    async close() {
      track.close();
      connection.close();
      await Promise.all([end, trackEnd]);
    },
  };
}

/** A client that answers: what a plane has prepared comes first. */
export async function answerTo(local: LocalParameters): Promise<Omit<Client, "channel" | "answer">> {
  const connection = new PeerConnection("client", { iceServers: [], bindAddress: "127.0.0.1", disableAutoNegotiation: true });
  const media = new Video("0", "SendRecv");
  media.addVP8Codec(96);
  const track = connection.addTrack(media);
  const ends = [
    new Promise<void>((resolve) => track.onClosed(resolve)),
    new Promise<void>((resolve) => connection.onStateChange((state) => state === "closed" && resolve())),
  ];
  const connected = new Promise<void>((resolve) => track.onOpen(resolve));
  const lines = [
    "v=0",
    "o=- 1 1 IN IP4 0.0.0.0",
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0",
    "m=video 9 UDP/TLS/RTP/SAVPF 96",
    "c=IN IP4 0.0.0.0",
    `a=ice-ufrag:${local.iceUfrag}`,
    `a=ice-pwd:${local.icePwd}`,
    `a=fingerprint:${local.fingerprint.algorithm} ${local.fingerprint.value}`,
    `a=setup:${local.setup}`,
    "a=mid:0",
    "a=sendrecv",
    "a=rtcp-mux",
    "a=rtpmap:96 VP8/90000",
    ...local.candidates.map(
      (each) => `a=candidate:${each.foundation} 1 UDP ${each.priority} ${each.address} ${each.port} typ host`,
    ),
  ];
  connection.setRemoteDescription(`${lines.join("\r\n")}\r\n`, "offer");
  connection.setLocalDescription("answer");
  const sdp = connection.localDescription()?.sdp ?? "";
  const value = (name: string) => new RegExp(`a=${name}:(.*)`).exec(sdp)?.[1]?.trim() ?? "";
  const [algorithm = "", hash = ""] = value("fingerprint").split(" ");
  return {
    connection,
    track,
    connected,
    remote: {
      iceUfrag: value("ice-ufrag"),
      icePwd: value("ice-pwd"),
      fingerprint: { algorithm, value: hash },
      setup: value("setup") as RemoteParameters["setup"],
      sctp: undefined,
    },
    async close() {
      track.close();
      connection.close();
      await Promise.all(ends);
    },
  };
}

/** An RTP packet with nothing of interest in it. */
export function rtp(ssrc: number, sequence: number, payloadType = 111, size = 100): Buffer {
  const packet = Buffer.alloc(size);
  packet[0] = 0x80;
  packet[1] = payloadType;
  packet.writeUInt16BE(sequence & 0xffff, 2);
  packet.writeUInt32BE(ssrc, 8);
  return packet;
}
