/**
 * Several members of SFU rooms in one page, each with a peer and a PeerConnection of its own, so that large rooms fit on two cores. Installed by
 * text: the function refers to nothing outside itself.
 */

type Room = import("@tsunagi/sdk").Room;
type Peer = import("@tsunagi/sdk").Peer;
type JoinOptions = NonNullable<Parameters<Peer["joinRoom"]>[1]>;

export type FaceOptions = {
  /** Told by the picture (four stripes are its bits) and by the tone: 0 to 15. */
  readonly number: number;
  readonly video?: boolean;
  readonly audio?: boolean;
  readonly width?: number;
  readonly height?: number;
  readonly framesPerSecond?: number;
  /** Rectangles of chance in each picture: what an encoder cannot make small. Default 0. */
  readonly noise?: number;
};

/** What passes as JSON of the SDK's options. */
export type JoinWishes = Pick<
  JoinOptions,
  "mode" | "subscribe" | "lastN" | "simulcast" | "svc" | "metadata" | "videoCodec" | "audioCodec" | "videoMaxBitrate"
>;

/** What one member got of one publication since the look before. */
export type Seen = {
  readonly peerId: string;
  readonly publication: string;
  readonly source: string;
  readonly kind: "audio" | "video";
  readonly frames: number;
  /** Of the picture or the tone; undefined: none that can be told. */
  readonly number: number | undefined;
  readonly width: number;
  readonly height: number;
  /** `totalAudioEnergy` gained, and in how many seconds of samples. */
  readonly energy: number;
  readonly seconds: number;
  readonly mimeType: string;
  /** RTP statistics as they stand, by name. */
  readonly stats: Readonly<Record<string, number>>;
};

/** Times without a frame, of the element that shows a publication. */
export type Gaps = { readonly longestMs: number; readonly frames: number; readonly elapsedMs: number };

export interface CrowdMember {
  readonly name: string;
  readonly peer: Peer;
  room: Room | undefined;
  /** What it was told, oldest first: `peerJoin bob`. */
  readonly journal: string[];
  readonly heard: { readonly src: string | undefined; readonly data: unknown; readonly topic: string | undefined }[];
  /** Milliseconds from `joinRoom` to the first frame of anybody. */
  firstFrameMs: number | undefined;
  face: MediaStream | undefined;
}

export interface Crowd {
  readonly members: Record<string, CrowdMember>;
  open(name: string, server: string, key: string): Promise<void>;
  face(options: FaceOptions): MediaStream;
  join(name: string, room: string, face: FaceOptions | null, wishes?: JoinWishes): Promise<void>;
  leave(name: string): void;
  member(name: string): CrowdMember;
  room(name: string): Room;
  connection(name: string): RTCPeerConnection;
  look(name: string, forMs: number): Promise<Seen[]>;
  /** Begins to watch the frames of the publication of `of`; a second call tells what came since. */
  gaps(name: string, of: string): Promise<Gaps>;
}

declare global {
  var crowd: Crowd;
}

export function installCrowd(): void {
  if (globalThis.crowd !== undefined) return;
  const members: Record<string, CrowdMember> = {};
  const videos = new Map<MediaStreamTrack, HTMLVideoElement>();
  const watches = new Map<string, () => Gaps>();
  const audio = new AudioContext();
  void audio.resume();
  /** Far enough apart for the bins of the analyser. */
  const hzOf = (number: number) => 300 + 150 * number;
  const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

  const face: Crowd["face"] = (options) => {
    const { number, video = true, audio: sound = true, width = 160, height = 90, framesPerSecond = 12, noise = 0 } = options;
    const tracks: MediaStreamTrack[] = [];
    if (video) {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [width, height];
      const context = canvas.getContext("2d", { alpha: false });
      if (context === null) throw new Error("no 2d canvas");
      let frame = 0;
      const draw = () => {
        frame += 1;
        for (let bit = 0; bit < 4; bit++) {
          context.fillStyle = (number >> bit) & 1 ? "#f0f0f0" : "#303030";
          context.fillRect((bit * width) / 4, 0, width / 4, height / 2);
        }
        context.fillStyle = "#4060a0";
        context.fillRect(0, height / 2, width, height / 2);
        context.fillStyle = "#e0c040";
        context.fillRect((frame * 5) % width, height / 2, width / 16, height / 2);
        for (let at = 0; at < noise; at++) {
          context.fillStyle = `hsl(${Math.random() * 360} 80% 50%)`;
          context.fillRect(Math.random() * width, height / 2 + (Math.random() * height) / 2, width / 12, height / 14);
        }
      };
      draw();
      const [track] = canvas.captureStream(framesPerSecond).getVideoTracks();
      if (track === undefined) throw new Error("the canvas gives no track");
      const timer = setInterval(() => {
        if (track.readyState === "ended") clearInterval(timer);
        else draw();
      }, 1000 / framesPerSecond);
      tracks.push(track);
    }
    if (sound) {
      const tone = audio.createOscillator();
      tone.frequency.value = hzOf(number);
      const gain = audio.createGain();
      gain.gain.value = 0.2;
      const destination = audio.createMediaStreamDestination();
      tone.connect(gain).connect(destination);
      tone.start();
      tracks.push(...destination.stream.getAudioTracks());
    }
    return new MediaStream(tracks);
  };

  const member: Crowd["member"] = (name) => {
    const found = members[name];
    if (found === undefined) throw new Error(`no member ${name}`);
    return found;
  };
  const room: Crowd["room"] = (name) => {
    const { room: joined } = member(name);
    if (joined === undefined) throw new Error(`${name} is in no room`);
    return joined;
  };
  const connection: Crowd["connection"] = (name) => {
    const found = room(name).getPeerConnections().get("sfu");
    if (found === undefined) throw new Error(`${name} has no connection with the SFU`);
    return found as unknown as RTCPeerConnection;
  };

  /** Not in the document: decoded, but not painted. */
  const show = (stream: MediaStream, onFrame: () => void) => {
    for (const track of stream.getTracks()) {
      if (videos.has(track)) continue;
      const video = document.createElement("video");
      video.autoplay = true;
      video.srcObject = new MediaStream([track]);
      if (track.kind === "video") video.requestVideoFrameCallback(onFrame);
      void video.play().catch(() => {});
      videos.set(track, video);
    }
  };

  const numberOfPicture = (video: HTMLVideoElement): number | undefined => {
    if (video.videoWidth === 0) return undefined;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [64, 36];
    const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    if (context === null) return undefined;
    context.drawImage(video, 0, 0, 64, 36);
    let number = 0;
    for (let bit = 0; bit < 4; bit++) {
      const { data } = context.getImageData(bit * 16 + 4, 4, 8, 8);
      let sum = 0;
      for (let at = 0; at < data.length; at += 4) sum += data[at] ?? 0;
      const brightness = sum / (data.length / 4);
      // What lies between is neither: black (nothing decoded) above all.
      if (brightness < 30 || (brightness > 90 && brightness < 180)) return undefined;
      if (brightness >= 180) number |= 1 << bit;
    }
    return number;
  };

  const analysers = new Map<MediaStreamTrack, AnalyserNode>();
  const analyserOf = (track: MediaStreamTrack): AnalyserNode => {
    let analyser = analysers.get(track);
    if (analyser === undefined) {
      analyser = audio.createAnalyser();
      analyser.fftSize = 2048;
      analyser.smoothingTimeConstant = 0;
      audio.createMediaStreamSource(new MediaStream([track])).connect(analyser);
      analysers.set(track, analyser);
    }
    return analyser;
  };
  const numberOfTone = (track: MediaStreamTrack): number | undefined => {
    const analyser = analyserOf(track);
    const spectrum = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(spectrum);
    let best = 0;
    for (let bin = 1; bin < spectrum.length; bin++) if ((spectrum[bin] ?? -999) > (spectrum[best] ?? -999)) best = bin;
    if ((spectrum[best] ?? -999) < -60) return undefined;
    const number = ((best * audio.sampleRate) / analyser.fftSize - 300) / 150;
    return Math.abs(number - Math.round(number)) < 0.25 ? Math.round(number) : undefined;
  };

  type Inbound = { readonly codecId?: string; readonly trackIdentifier?: string } & Record<string, number>;
  /** By track ID, since a slot keeps its track whatever is in it. */
  const inbound = async (name: string) => {
    const byTrack = new Map<string, { stats: Inbound; mimeType: string }>();
    const codecs = new Map<string, string>();
    const found: Inbound[] = [];
    (await connection(name).getStats()).forEach((each: Record<string, unknown>) => {
      if (each.type === "inbound-rtp") found.push(each as unknown as Inbound);
      if (each.type === "codec") codecs.set(String(each.id), String(each.mimeType));
    });
    for (const stats of found)
      byTrack.set(String(stats.trackIdentifier), { stats, mimeType: codecs.get(stats.codecId ?? "") ?? "" });
    return byTrack;
  };

  const numbersOf = (entry: Readonly<Record<string, unknown>>): Record<string, number> =>
    Object.fromEntries(Object.entries(entry).filter((pair): pair is [string, number] => typeof pair[1] === "number"));

  globalThis.crowd = {
    members,
    face,
    member,
    room,
    connection,
    async open(name, server, key) {
      const peer = new Tsunagi.Peer(name, { server, key });
      const made: CrowdMember = {
        name,
        peer,
        room: undefined,
        journal: [],
        heard: [],
        firstFrameMs: undefined,
        face: undefined,
      };
      members[name] = made;
      peer.on("reconnecting", () => made.journal.push("reconnecting"));
      peer.on("reconnected", ({ restored }) => made.journal.push(restored ? "restored" : "reconnected"));
      peer.on("error", ({ code }) => made.journal.push(`peer error ${code}`));
      await helpers.within(15_000, `${name}'s open`, peer.once("open"));
    },
    async join(name, roomName, faceOptions, wishes = {}) {
      const made = member(name);
      const stream = faceOptions === null ? undefined : face(faceOptions);
      made.face = stream;
      made.firstFrameMs = undefined;
      const startedAt = performance.now();
      const joined = made.peer.joinRoom(roomName, {
        mode: "sfu",
        ...(wishes as JoinOptions),
        ...(stream === undefined ? {} : { stream }),
      });
      made.room = joined;
      const say = (text: string) => made.journal.push(text);
      joined.on("stream", (each) =>
        show(each as unknown as MediaStream, () => {
          made.firstFrameMs ??= performance.now() - startedAt;
        }),
      );
      joined.on("peerJoin", (id) => say(`peerJoin ${id}`));
      joined.on("peerLeave", (id) => say(`peerLeave ${id}`));
      joined.on("published", ({ peerId, source }) => say(`published ${peerId} ${source}`));
      joined.on("unpublished", ({ peerId, source }) => say(`unpublished ${peerId} ${source}`));
      joined.on("publicationUpdated", ({ peerId, source, muted }) => say(`updated ${peerId} ${source} ${muted}`));
      joined.on("publicationPaused", ({ source }) => say(`paused ${source}`));
      joined.on("publicationResumed", ({ source }) => say(`resumed ${source}`));
      joined.on("activeSpeaker", (id) => say(`speaker ${id}`));
      joined.on("error", ({ code }) => say(`error ${code}`));
      joined.on("close", (reason) => say(`close ${reason}`));
      joined.on("data", ({ src, data, topic }) => made.heard.push({ src, data, topic }));
      await helpers.within(15_000, `${name} in ${roomName}`, joined.once("open"));
    },
    leave(name) {
      const made = member(name);
      made.room?.close();
      made.room = undefined;
      for (const track of made.face?.getTracks() ?? []) track.stop();
      made.face = undefined;
    },
    async look(name, forMs) {
      const before = await inbound(name);
      // So that the analysers have heard something when they are asked.
      for (const { track } of room(name).subscriptions.values()) if (track?.kind === "audio") analyserOf(track as never);
      await sleep(forMs);
      const after = await inbound(name);
      const seen: Seen[] = [];
      for (const { publication, track: port } of room(name).subscriptions.values()) {
        const track = port as unknown as MediaStreamTrack | null;
        const was = before.get(track?.id ?? "")?.stats;
        const is = after.get(track?.id ?? "");
        const grown = (field: string) => (is?.stats[field] ?? 0) - (was?.[field] ?? 0);
        if (track !== null) show(new MediaStream([track]), () => {});
        const video = track === null ? undefined : videos.get(track);
        let number: number | undefined;
        if (track !== null && track.kind === "audio") number = numberOfTone(track);
        else if (video !== undefined) number = numberOfPicture(video);
        const { id, peerId, source, kind } = publication;
        seen.push({
          peerId,
          publication: id,
          source,
          kind,
          frames: grown("framesDecoded"),
          number,
          width: is?.stats.frameWidth ?? video?.videoWidth ?? 0,
          height: is?.stats.frameHeight ?? video?.videoHeight ?? 0,
          energy: grown("totalAudioEnergy"),
          seconds: grown("totalSamplesDuration"),
          mimeType: is?.mimeType ?? "",
          stats: numbersOf(is?.stats ?? {}),
        });
      }
      return seen;
    },
    async gaps(name, of) {
      const key = `${name} ${of}`;
      const read = watches.get(key);
      if (read !== undefined) return read();
      const trackNow = () =>
        [...room(name).subscriptions.values()].find(
          ({ publication }) => publication.peerId === of && publication.kind === "video",
        )?.track as unknown as MediaStreamTrack | null | undefined;
      if (!trackNow()) throw new Error(`${name} receives nothing of ${of}`);
      let [startedAt, lastAt, longestMs, frames] = [performance.now(), performance.now(), 0, 0];
      let shown: MediaStreamTrack | undefined;
      // A replaced transport brings another track, which an application would show by its stream.
      const follow = () => {
        const track = members[name]?.room === undefined ? undefined : trackNow();
        if (!track || track === shown) return;
        shown = track;
        show(new MediaStream([track]), () => {});
        const video = videos.get(track);
        const onFrame = () => {
          if (track !== shown) return;
          const now = performance.now();
          longestMs = Math.max(longestMs, now - lastAt);
          lastAt = now;
          frames += 1;
          video?.requestVideoFrameCallback(onFrame);
        };
        video?.requestVideoFrameCallback(onFrame);
      };
      follow();
      setInterval(follow, 20);
      watches.set(key, () => {
        const now = performance.now();
        const gaps = { longestMs: Math.max(longestMs, now - lastAt), frames, elapsedMs: now - startedAt };
        [startedAt, lastAt, longestMs, frames] = [now, now, 0, 0];
        return gaps;
      });
      return { longestMs: 0, frames: 0, elapsedMs: 0 };
    },
  };
}
