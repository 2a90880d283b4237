/** How loud a stream is, for a bar beside a microphone. */

export type LevelMeter = {
  /** 0 (silence, -60 dBFS and below) to 1 (full scale), linear in decibels. Read it once a picture. */
  level(): number;
  close(): void;
};

/** About 43 ms at 48 kHz: a syllable shows, a single click does not. */
const WINDOW_SAMPLES = 2048;
const FLOOR_DB = -60;

// Browsers allow few audio contexts: all meters share one, which ends with the last of them.
let context: AudioContext | undefined;
let meters = 0;

/** Measures the stream's first audio track; a stream without one is silent. */
export function createLevelMeter(stream: MediaStream): LevelMeter {
  const track = stream.getAudioTracks()[0];
  if (track === undefined) return { level: () => 0, close: () => {} };
  context ??= new AudioContext();
  meters += 1;
  const shared = context;
  const source = shared.createMediaStreamSource(new MediaStream([track]));
  const analyser = shared.createAnalyser();
  analyser.fftSize = WINDOW_SAMPLES;
  source.connect(analyser);
  const samples = new Float32Array(WINDOW_SAMPLES);
  // Suspended until the page's first gesture: then it starts by itself here, at the latest on the next read.
  const resume = () => shared.state === "suspended" && shared.resume().catch(() => {});
  resume();
  let closed = false;
  return {
    level() {
      if (closed) return 0;
      resume();
      analyser.getFloatTimeDomainData(samples);
      return levelOf(samples);
    },
    close() {
      if (closed) return;
      closed = true;
      source.disconnect();
      meters -= 1;
      if (meters > 0) return;
      context = undefined;
      shared.close().catch(() => {});
    },
  };
}

/** Root mean square in decibels of full scale, mapped to 0…1. */
export function levelOf(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  if (sum === 0) return 0;
  const decibels = 10 * Math.log10(sum / samples.length);
  return Math.min(1, Math.max(0, 1 - decibels / FLOOR_DB));
}
