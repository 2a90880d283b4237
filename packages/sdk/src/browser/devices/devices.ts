/** Cameras, microphones and speakers: list, open, switch while in use, watch. */
import { CodedError } from "@tsunagi/base";
import { type DeviceKind, deviceError, mediaDevices } from "./errors.ts";

/** `label` is empty until the page was once allowed to use a device of the kind. */
export type Device = { readonly id: string; readonly label: string; readonly groupId: string };
export type Devices = {
  readonly cameras: readonly Device[];
  readonly microphones: readonly Device[];
  readonly speakers: readonly Device[];
};

/** `true`: the browser's choice; a text: the device with this ID; else constraints. */
export type DeviceWish = boolean | string | MediaTrackConstraints;
export type OpenMediaOptions = { readonly camera?: DeviceWish; readonly microphone?: DeviceWish };

/** What a call wants of a camera that was not told more: every browser scales down from it where the camera or network has less. */
const CAMERA: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

/** Devices come and go in bursts (a headset is three): tell once they have settled. */
const SETTLE_MS = 200;

/** @throws {CodedError} `media.context.insecure`, `media.device.failed` */
export async function listDevices(): Promise<Devices> {
  const all = await mediaDevices()
    .enumerateDevices()
    .catch((cause: unknown) => {
      throw deviceError(cause, "camera or microphone");
    });
  // Chromium lists a device a second time as "communications" on Windows, and unnamed placeholders before permission.
  const of = (kind: MediaDeviceKind): Device[] =>
    all
      .filter((each) => each.kind === kind && each.deviceId !== "communications" && each.deviceId !== "")
      .map((each) => ({ id: each.deviceId, label: each.label, groupId: each.groupId }));
  return { cameras: of("videoinput"), microphones: of("audioinput"), speakers: of("audiooutput") };
}

/**
 * Opens camera and microphone. With neither, gives an empty stream without asking anything.
 *
 * @throws {CodedError} `media.permission.denied`, `media.device.missing`, `media.device.busy`, `media.context.insecure`,
 * `media.constraint.unsatisfied`, `media.device.failed`, each with a remedy
 */
export async function openMedia({ camera = false, microphone = false }: OpenMediaOptions): Promise<MediaStream> {
  if (camera === false && microphone === false) return new MediaStream();
  const kind: DeviceKind = microphone === false ? "camera" : camera === false ? "microphone" : "camera or microphone";
  return open({ video: constraints(camera, CAMERA), audio: constraints(microphone, {}) }, kind);
}

/**
 * Puts another camera or microphone into the stream in place of the one there, whose track ends; mute state and content hint stay.
 *
 * @returns the new track, for `connection.replaceTrack(old, next)`
 * @throws {CodedError} as {@link openMedia}; the stream is then as it was, unless the old device had to be closed for the new one
 */
export async function switchDevice(
  stream: MediaStream,
  kind: "camera" | "microphone",
  deviceId: string,
): Promise<MediaStreamTrack> {
  const before = (kind === "camera" ? stream.getVideoTracks() : stream.getAudioTracks())[0];
  const wish: MediaTrackConstraints = { ...before?.getConstraints(), deviceId: { exact: deviceId } };
  delete wish.groupId;
  delete wish.facingMode;
  const openNext = () => open(kind === "camera" ? { video: { ...CAMERA, ...wish } } : { audio: wish }, kind);
  let opened: MediaStream;
  try {
    opened = await openNext();
  } catch (error) {
    // Phones have one camera open at a time.
    if (!(error instanceof CodedError) || error.code !== "media.device.busy" || before?.readyState !== "live") throw error;
    before.stop();
    opened = await openNext();
  }
  const next = opened.getTracks()[0];
  if (next === undefined) throw deviceError(undefined, kind);
  if (before !== undefined) {
    next.enabled = before.enabled;
    next.contentHint = before.contentHint;
    stream.removeTrack(before);
    before.stop();
  }
  stream.addTrack(next);
  return next;
}

/** Calls the listener with the new lists whenever a device comes or goes. Returns what ends it. */
export function watchDevices(listener: (devices: Devices) => void, options: { readonly signal?: AbortSignal } = {}): () => void {
  const devices = mediaDevices();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let watching = true;
  const onChange = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      listDevices().then(
        (lists) => watching && listener(lists),
        // The next change lists again.
        () => {},
      );
    }, SETTLE_MS);
  };
  const end = () => {
    watching = false;
    clearTimeout(timer);
    devices.removeEventListener("devicechange", onChange);
    options.signal?.removeEventListener("abort", end);
  };
  if (options.signal?.aborted) return end;
  devices.addEventListener("devicechange", onChange);
  options.signal?.addEventListener("abort", end, { once: true });
  return end;
}

/** Whether {@link setSpeaker} can do anything here: Chromium and Firefox yes, Safari no. */
export const speakerSelectable: boolean =
  typeof HTMLMediaElement !== "undefined" && "setSinkId" in HTMLMediaElement.prototype && globalThis.isSecureContext !== false;

/**
 * Plays an element's sound on a speaker; the empty ID is the system's.
 *
 * @throws {CodedError} `media.speaker.unsupported`, `media.permission.denied`, `media.device.missing`
 */
export async function setSpeaker(element: HTMLMediaElement, deviceId: string): Promise<void> {
  if (!("setSinkId" in element)) {
    const remedy = "Choose the speaker in the system's sound settings.";
    throw new CodedError("media.speaker.unsupported", "This browser plays on the system's speaker only.", { remedy });
  }
  try {
    await element.setSinkId(deviceId);
  } catch (cause) {
    throw deviceError(cause, "speaker");
  }
}

async function open(request: MediaStreamConstraints, kind: DeviceKind): Promise<MediaStream> {
  const devices = mediaDevices();
  try {
    return await devices.getUserMedia(request);
  } catch (cause) {
    throw deviceError(cause, kind);
  }
}

function constraints(wish: DeviceWish, defaults: MediaTrackConstraints): boolean | MediaTrackConstraints {
  if (wish === false) return false;
  if (wish === true) return defaults;
  return typeof wish === "string" ? { ...defaults, deviceId: { exact: wish } } : wish;
}
