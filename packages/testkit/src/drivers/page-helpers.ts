/** Helpers for code that tests run in a page. Installed by text: the function refers to nothing outside itself. */

export type SignalOptions = {
  /** CSS colour of the picture; a white bar moves over it so that frames differ. Default `#2266cc`. */
  readonly colour?: string;
  /** Frequency of the tone. Default 440. */
  readonly hz?: number;
  readonly video?: boolean;
  readonly audio?: boolean;
  /** Default 320 × 180 at 30 frames a second. */
  readonly width?: number;
  readonly height?: number;
  readonly framesPerSecond?: number;
};

export interface Helpers {
  /** A stream whose picture and tone tell who sent it, unlike a fake device's: steady, so gaps can be measured in both. */
  signal(options?: SignalOptions): MediaStream;
  /** Shows a stream in a new `<video id>` (audio is played too), or in the present one. */
  show(id: string, stream: MediaStream): void;
  /** Fails with `what` when the promise takes longer. */
  within<T>(ms: number, what: string, promise: Promise<T>): Promise<T>;
  /** `Uint8Array` of a seeded pattern, to send and compare large data. */
  pattern(length: number, seed?: number): Uint8Array<ArrayBuffer>;
  /** SHA-256 in hex. */
  digest(bytes: BufferSource): Promise<string>;
  /** A place to keep things between two calls of `evaluate`. */
  readonly kept: Record<string, unknown>;
}

declare global {
  var helpers: Helpers;
}

export function installHelpers(): void {
  /** One for all tones: a context that runs is never idle. */
  let sharedAudio: AudioContext | undefined;
  const signal: Helpers["signal"] = (options = {}) => {
    const { colour = "#2266cc", hz = 440, video = true, audio = true, width = 320, height = 180, framesPerSecond = 30 } = options;
    const tracks: MediaStreamTrack[] = [];
    if (video) {
      const canvas = document.createElement("canvas");
      canvas.width = width;
      canvas.height = height;
      const context = canvas.getContext("2d");
      if (context === null) throw new Error("no 2d canvas");
      let frame = 0;
      const draw = () => {
        frame += 1;
        context.fillStyle = colour;
        context.fillRect(0, 0, width, height);
        context.fillStyle = "white";
        context.fillRect((frame * 4) % width, 0, Math.max(4, width / 32), height);
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
    if (audio) {
      sharedAudio ??= new AudioContext();
      const context = sharedAudio;
      void context.resume();
      const oscillator = context.createOscillator();
      oscillator.frequency.value = hz;
      const gain = context.createGain();
      gain.gain.value = 0.2;
      const destination = context.createMediaStreamDestination();
      oscillator.connect(gain).connect(destination);
      oscillator.start();
      tracks.push(...destination.stream.getAudioTracks());
    }
    return new MediaStream(tracks);
  };

  globalThis.helpers = {
    signal,
    show(id, stream) {
      let video = document.querySelector<HTMLVideoElement>(`video#${id}`);
      if (video === null) {
        video = document.createElement("video");
        video.id = id;
        video.autoplay = true;
        video.playsInline = true;
        video.style.width = "320px";
        document.body.append(video);
      }
      video.srcObject = stream;
      void video.play().catch(() => {});
    },
    within(ms, what, promise) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
      });
      return Promise.race([promise, late]).finally(() => clearTimeout(timer));
    },
    pattern(length, seed = 1) {
      const bytes = new Uint8Array(length);
      let state = seed | 0 || 1;
      for (let index = 0; index < length; index++) {
        // xorshift32
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        bytes[index] = state;
      }
      return bytes;
    },
    async digest(bytes) {
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
    },
    kept: {},
  };
}
