/**
 * What runs inside the page to look at media: installed by text, so the function refers to nothing outside itself.
 * It decodes into elements of its own, so an app's page is looked at without a change to it.
 */

export type VideoReading = {
  /** Decoded and presented since the probe began or was reset. */
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  /** Largest time between two decoded frames, counting from the reset to the first one and from the last one to now. */
  readonly longestGapMs: number;
  /** Time since the last decoded frame, or since the reset. */
  readonly sinceFrameMs: number;
  readonly elapsedMs: number;
  /** Mean brightness of the present picture, 0 to 255: black is below 17 in video range. */
  readonly brightness: number;
  /** Mean colour of the present picture. */
  readonly colour: readonly [number, number, number];
  /** How many samples of the picture differed from the one before. */
  readonly changes: number;
};

export type AudioReading = {
  /** Root mean square of the samples now, 0 to 1. */
  readonly rms: number;
  /** Largest since the reset. */
  readonly peakRms: number;
  /** Frequency with the most energy now, in Hz. */
  readonly dominantHz: number;
  /** Longest time since the reset in which nothing audible came. Means something for steady tones only. */
  readonly longestSilenceMs: number;
};

export type MediaReading = {
  readonly video: VideoReading;
  readonly audio: AudioReading;
  readonly tracks: readonly { readonly kind: string; readonly readyState: string; readonly muted: boolean }[];
};

export type PageProbe = { read(): MediaReading; reset(): void; stop(): void };

declare global {
  var __tsunagiProbes: { open(media: unknown): number; get(id: number): PageProbe } | undefined;
}

/** Installs `__tsunagiProbes` in a page. */
export function installProbes(): void {
  if (globalThis.__tsunagiProbes !== undefined) return;
  const probes: PageProbe[] = [];

  /** Between two looks; also the resolution of the gap meter. */
  const LOOK_MS = 10;
  /** Below this RMS there is silence: -60 dB. */
  const AUDIBLE = 0.001;
  const PICTURE = { width: 32, height: 18 };

  const streamOf = (media: unknown): MediaStream => {
    if (media instanceof MediaStream) return media;
    if (media instanceof MediaStreamTrack) return new MediaStream([media]);
    if (media instanceof HTMLMediaElement && media.srcObject instanceof MediaStream) return media.srcObject;
    throw new TypeError(`not a MediaStream, a track or an element that plays one: ${String(media)}`);
  };

  /** One for all, and made when there is sound to look at: a context that runs is never idle. */
  let sharedAudio: AudioContext | undefined;
  const audioContext = (): AudioContext => {
    if (sharedAudio === undefined) {
      sharedAudio = new AudioContext();
      void sharedAudio.resume();
    }
    return sharedAudio;
  };

  /** One timer for all. */
  const looks = new Set<() => void>();
  let timer: ReturnType<typeof setInterval> | undefined;
  const lookNowAndThen = (look: () => void) => {
    looks.add(look);
    timer ??= setInterval(() => {
      for (const each of looks) each();
    }, LOOK_MS);
  };
  const lookNoMore = (look: () => void) => {
    looks.delete(look);
    if (looks.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };

  const open = (media: unknown): number => {
    const stream = streamOf(media);
    const video = document.createElement("video");
    video.muted = true;
    video.autoplay = true;
    video.playsInline = true;
    video.srcObject = stream;
    video.setAttribute("aria-hidden", "true");
    // In the document and one pixel large: elements outside of it may stop decoding.
    video.style.cssText = "position:fixed;right:0;bottom:0;width:1px;height:1px;opacity:0.01;pointer-events:none";
    document.documentElement.append(video);
    void video.play().catch(() => {});

    const canvas = document.createElement("canvas");
    canvas.width = PICTURE.width;
    canvas.height = PICTURE.height;
    const context = canvas.getContext("2d", { willReadFrequently: true });

    let analyser: AnalyserNode | undefined;
    const analyserOf = (context: AudioContext): AnalyserNode => {
      const made = context.createAnalyser();
      made.fftSize = 2048;
      // Towards the speakers with no volume, since a graph that leads nowhere may not be run.
      const mute = context.createGain();
      mute.gain.value = 0;
      made.connect(mute).connect(context.destination);
      return made;
    };
    let source: MediaStreamAudioSourceNode | undefined;
    let sourceTrack: MediaStreamTrack | undefined;
    const connectAudio = () => {
      const track = stream.getAudioTracks()[0];
      if (track === sourceTrack) return;
      source?.disconnect();
      sourceTrack = track;
      source = undefined;
      if (track === undefined) return;
      analyser ??= analyserOf(audioContext());
      source = audioContext().createMediaStreamSource(new MediaStream([track]));
      source.connect(analyser);
    };

    let framesAtReset = 0;
    let lastCount = 0;
    let presented = 0;
    let resetAt = performance.now();
    let lastFrameAt = resetAt;
    let longestGapMs = 0;
    let changes = 0;
    let lastPicture = "";
    let picture: { brightness: number; colour: [number, number, number] } = { brightness: 0, colour: [0, 0, 0] };
    let peakRms = 0;
    let lastSoundAt = resetAt;
    let longestSilenceMs = 0;
    let times = 0;

    const rmsNow = (): number => {
      if (analyser === undefined) return 0;
      const samples = new Float32Array(analyser.fftSize);
      analyser.getFloatTimeDomainData(samples);
      let sum = 0;
      for (const sample of samples) sum += sample * sample;
      return Math.sqrt(sum / samples.length);
    };
    const lookAtPicture = () => {
      if (context === null || video.videoWidth === 0) return;
      context.drawImage(video, 0, 0, PICTURE.width, PICTURE.height);
      const { data } = context.getImageData(0, 0, PICTURE.width, PICTURE.height);
      let [red, green, blue] = [0, 0, 0];
      for (let at = 0; at < data.length; at += 4) {
        red += data[at] ?? 0;
        green += data[at + 1] ?? 0;
        blue += data[at + 2] ?? 0;
      }
      const pixels = PICTURE.width * PICTURE.height;
      const colour: [number, number, number] = [red / pixels, green / pixels, blue / pixels];
      picture = { colour, brightness: 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] };
      const text = data.join();
      if (text !== lastPicture) changes += 1;
      lastPicture = text;
    };
    const onFrame: VideoFrameRequestCallback = (_, metadata) => {
      presented = metadata.presentedFrames;
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
    const look = () => {
      const now = performance.now();
      // Firefox counts no frames of live streams in the playback quality; Chromium skips callbacks of what it does not draw.
      const count = Math.max(video.getVideoPlaybackQuality().totalVideoFrames, presented);
      if (count !== lastCount) {
        longestGapMs = Math.max(longestGapMs, now - lastFrameAt);
        lastFrameAt = now;
        lastCount = count;
      }
      times += 1;
      if (times % 10 === 0) {
        connectAudio();
        lookAtPicture();
        const rms = rmsNow();
        peakRms = Math.max(peakRms, rms);
        if (rms >= AUDIBLE) {
          longestSilenceMs = Math.max(longestSilenceMs, now - lastSoundAt);
          lastSoundAt = now;
        }
      }
    };
    connectAudio();
    lookNowAndThen(look);

    const dominantHz = (): number => {
      if (analyser === undefined) return 0;
      const spectrum = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(spectrum);
      let best = 0;
      for (let bin = 1; bin < spectrum.length; bin++) {
        if ((spectrum[bin] ?? -Infinity) > (spectrum[best] ?? -Infinity)) best = bin;
      }
      return (best * analyser.context.sampleRate) / analyser.fftSize;
    };

    probes.push({
      read() {
        look();
        const now = performance.now();
        const rms = rmsNow();
        return {
          video: {
            frames: lastCount - framesAtReset,
            width: video.videoWidth,
            height: video.videoHeight,
            longestGapMs: Math.max(longestGapMs, now - lastFrameAt),
            sinceFrameMs: now - lastFrameAt,
            elapsedMs: now - resetAt,
            ...picture,
            changes,
          },
          audio: {
            rms,
            peakRms: Math.max(peakRms, rms),
            dominantHz: dominantHz(),
            longestSilenceMs: Math.max(longestSilenceMs, now - lastSoundAt),
          },
          tracks: stream.getTracks().map(({ kind, readyState, muted }) => ({ kind, readyState, muted })),
        };
      },
      reset() {
        look();
        resetAt = performance.now();
        framesAtReset = lastCount;
        lastFrameAt = resetAt;
        longestGapMs = 0;
        changes = 0;
        peakRms = 0;
        lastSoundAt = resetAt;
        longestSilenceMs = 0;
      },
      stop() {
        lookNoMore(look);
        source?.disconnect();
        analyser?.disconnect();
        video.srcObject = null;
        video.remove();
      },
    });
    return probes.length - 1;
  };

  globalThis.__tsunagiProbes = {
    open,
    get(id) {
      const probe = probes[id];
      if (probe === undefined) throw new RangeError(`no probe ${id}: the page was loaded anew`);
      return probe;
    },
  };
}
