/**
 * The own camera and microphone: opened, switched, muted and let go of in one place, before and during a call.
 *
 * Camera off means that the track is stopped, so that its light goes out; the sender keeps the ended track until the camera is on again and
 * a new one takes its place, which needs no new negotiation.
 */
import type { Devices, Sdk, TrackSink } from "../sdk.ts";
import { appError, type ShownError, toShownError } from "../text/errors.ts";
import { type Settings, settings } from "./settings.ts";
import { Store } from "./store.ts";

export type InputState = "on" | "off";
export type Kind = "camera" | "microphone";

export type LocalMediaState = {
  readonly status: "idle" | "asking" | "ready" | "failed";
  /** One object from `open` to `close`; a new one for React whenever a track changes is not needed, see `revision`. */
  readonly stream: MediaStream | null;
  /** Counts changes of the stream's tracks. */
  readonly revision: number;
  readonly camera: InputState;
  readonly microphone: InputState;
  /** Why a wanted device does not run. */
  readonly error: ShownError | undefined;
  readonly devices: Devices;
};

const NO_DEVICES: Devices = { cameras: [], microphones: [], speakers: [] };

export class LocalMedia {
  readonly store: Store<LocalMediaState>;
  readonly #sdk: Sdk;
  readonly #settings: Store<Settings>;
  #sink: TrackSink | undefined;
  /** The latest `open`: an older one that answers late gives back what it got. */
  #opening = 0;
  #watching: AbortController | undefined;

  constructor(sdk: Sdk, store: Store<Settings> = settings) {
    this.#sdk = sdk;
    this.#settings = store;
    const { cameraOn, microphoneOn } = store.get();
    this.store = new Store<LocalMediaState>({
      status: "idle",
      stream: null,
      revision: 0,
      camera: cameraOn ? "on" : "off",
      microphone: microphoneOn ? "on" : "off",
      error: undefined,
      devices: NO_DEVICES,
    });
  }

  /** Who sends the tracks now; told of each change. */
  attach(sink: TrackSink | undefined): void {
    this.#sink = sink;
  }

  /** Starts what is switched on. What cannot start is switched off and told in `error`; the rest runs. */
  async open(options: { readonly camera?: boolean; readonly microphone?: boolean } = {}): Promise<MediaStream | null> {
    const ticket = ++this.#opening;
    this.#watch();
    const state = this.store.get();
    const camera = options.camera ?? state.camera === "on";
    const microphone = options.microphone ?? state.microphone === "on";
    this.#letGo();
    this.store.set({ status: "asking", error: undefined, camera: camera ? "on" : "off", microphone: microphone ? "on" : "off" });
    const { stream, error } = await this.#obtain(camera, microphone);
    if (ticket !== this.#opening) {
      for (const track of stream?.getTracks() ?? []) track.stop();
      return null;
    }
    const has = (kind: "video" | "audio") => stream?.getTracks().some((track) => track.kind === kind) === true;
    for (const track of stream?.getTracks() ?? []) this.#watchTrack(track);
    this.store.set((before) => ({
      status: stream === null && error !== undefined ? "failed" : "ready",
      stream,
      revision: before.revision + 1,
      camera: has("video") ? "on" : "off",
      microphone: has("audio") ? "on" : "off",
      error,
    }));
    void this.refreshDevices();
    return stream;
  }

  /** Stops everything. The switches keep their place. */
  close(): void {
    this.#opening++;
    this.#letGo();
    this.#sink = undefined;
    this.#watching?.abort();
    this.#watching = undefined;
    const { cameraOn, microphoneOn } = this.#settings.get();
    this.store.set({
      status: "idle",
      stream: null,
      error: undefined,
      camera: cameraOn ? "on" : "off",
      microphone: microphoneOn ? "on" : "off",
    });
  }

  /** What a call should send: an ended camera track would only make an empty video section. */
  streamForCall(): MediaStream | null {
    const { stream } = this.store.get();
    if (stream === null) return null;
    for (const track of stream.getTracks()) if (track.readyState === "ended") stream.removeTrack(track);
    return stream.getTracks().length === 0 ? null : stream;
  }

  async setMicrophone(on: boolean, remember = true): Promise<void> {
    if (remember) this.#settings.set({ microphoneOn: on });
    const track = this.#track("audio");
    if (track !== undefined) {
      track.enabled = on;
      this.store.set({ microphone: on ? "on" : "off" });
      return;
    }
    if (!on) {
      this.store.set({ microphone: "off" });
      return;
    }
    await this.#start("microphone");
  }

  async setCamera(on: boolean, remember = true): Promise<void> {
    if (remember) this.#settings.set({ cameraOn: on });
    if (on) {
      if (this.#track("video") === undefined) await this.#start("camera");
      return;
    }
    this.#track("video")?.stop();
    this.store.set((state) => ({ camera: "off", revision: state.revision + 1 }));
  }

  /** Takes another device at once if that kind runs, and remembers it in any case. */
  async choose(kind: Kind | "speaker", id: string | undefined): Promise<void> {
    this.#settings.set({ [kind]: id });
    if (kind === "speaker") return;
    const { stream } = this.store.get();
    const old = this.#track(kind === "camera" ? "video" : "audio");
    if (stream === null || old === undefined) return;
    const { devices } = this.store.get();
    const list = kind === "camera" ? devices.cameras : devices.microphones;
    const target = id ?? (list.find((device) => device.id === "default") ?? list[0])?.id;
    if (target === undefined) return;
    try {
      const next = await this.#sdk.switchDevice(stream, kind, target);
      this.#watchTrack(next);
      await this.#sink?.replaceTrack(old, next);
      this.store.set((state) => ({ error: undefined, revision: state.revision + 1 }));
    } catch (error) {
      this.store.set({ error: toShownError(error) });
    }
  }

  dismissError(): void {
    this.store.set({ error: undefined });
  }

  async refreshDevices(): Promise<void> {
    try {
      this.store.set({ devices: await this.#sdk.listDevices() });
    } catch {
      // Without the list there is only the default device, which the choosers then say.
      this.store.set({ devices: NO_DEVICES });
    }
  }

  #wish(kind: Kind): string | true {
    return this.#settings.get()[kind] ?? true;
  }

  /** Both at once, so that the browser asks once; when that fails, each alone, so that one missing device does not cost the other. */
  async #obtain(
    camera: boolean,
    microphone: boolean,
  ): Promise<{ readonly stream: MediaStream | null; readonly error: ShownError | undefined }> {
    if (!camera && !microphone) return { stream: null, error: undefined };
    const ask = (kinds: { camera?: boolean; microphone?: boolean }) =>
      this.#sdk.openMedia({
        ...(kinds.camera === true ? { camera: this.#wish("camera") } : {}),
        ...(kinds.microphone === true ? { microphone: this.#wish("microphone") } : {}),
      });
    try {
      return { stream: await ask({ camera, microphone }), error: undefined };
    } catch (error) {
      const shown = toShownError(error);
      if (!(camera && microphone) || shown.code === "media.context.insecure") return { stream: null, error: shown };
      for (const kinds of [{ microphone: true }, { camera: true }]) {
        try {
          return { stream: await ask(kinds), error: shown };
        } catch {
          // The first error is the one to tell.
        }
      }
      return { stream: null, error: shown };
    }
  }

  async #start(kind: Kind): Promise<void> {
    const ticket = this.#opening;
    try {
      const fresh = await this.#sdk.openMedia({ [kind]: this.#wish(kind) });
      const track = fresh.getTracks()[0];
      if (track === undefined || ticket !== this.#opening) {
        for (const each of fresh.getTracks()) each.stop();
        return;
      }
      const stream = this.store.get().stream ?? new MediaStream();
      const old = stream.getTracks().find((each) => each.kind === track.kind);
      if (old !== undefined) stream.removeTrack(old);
      stream.addTrack(track);
      this.#watchTrack(track);
      this.store.set((state) => ({ stream, status: "ready", error: undefined, revision: state.revision + 1, [kind]: "on" }));
      if (old !== undefined) await this.#sink?.replaceTrack(old, track);
      else this.#sink?.addTrack(track, stream);
      void this.refreshDevices();
    } catch (error) {
      this.store.set({ error: toShownError(error), [kind]: "off" });
    }
  }

  #track(kind: "video" | "audio"): MediaStreamTrack | undefined {
    return this.store
      .get()
      .stream?.getTracks()
      .find((track) => track.kind === kind && track.readyState === "live");
  }

  /** `ended` fires when the device goes away or its permission is withdrawn, not when we stop the track ourselves. */
  #watchTrack(track: MediaStreamTrack): void {
    track.addEventListener("ended", () => {
      if (this.store.get().stream?.getTracks().includes(track) !== true) return;
      const error = appError("media.device.lost", "the device was disconnected");
      this.store.set((state) => ({
        error,
        revision: state.revision + 1,
        ...(track.kind === "video" ? { camera: "off" as const } : { microphone: "off" as const }),
      }));
    });
  }

  #watch(): void {
    if (this.#watching !== undefined) return;
    this.#watching = new AbortController();
    try {
      this.#sdk.watchDevices((devices) => this.store.set({ devices }), { signal: this.#watching.signal });
    } catch {
      // Plain http has no devices to watch; `open` tells it.
    }
  }

  #letGo(): void {
    for (const track of this.store.get().stream?.getTracks() ?? []) track.stop();
  }
}
