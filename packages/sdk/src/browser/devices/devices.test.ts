import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { listDevices, openMedia, setSpeaker, switchDevice, watchDevices } from "./devices.ts";
import { DEVICE_ERROR_CODES, deviceError, screenError } from "./errors.ts";
import { createLevelMeter, levelOf } from "./level-meter.ts";
import { shareScreen } from "./screen.ts";

class FakeTrack {
  enabled = true;
  contentHint = "";
  readyState = "live";
  readonly kind: string;
  readonly constraints: object;
  constructor(kind: string, constraints: object = {}) {
    this.kind = kind;
    this.constraints = constraints;
  }
  getConstraints = () => this.constraints;
  stop = () => {
    this.readyState = "ended";
  };
}
class FakeStream {
  tracks: FakeTrack[];
  constructor(tracks: FakeTrack[] = []) {
    this.tracks = tracks;
  }
  getTracks = () => this.tracks;
  getVideoTracks = () => this.tracks.filter((each) => each.kind === "video");
  getAudioTracks = () => this.tracks.filter((each) => each.kind === "audio");
  addTrack = (track: FakeTrack) => void this.tracks.push(track);
  removeTrack = (track: FakeTrack) => {
    this.tracks = this.tracks.filter((each) => each !== track);
  };
}
type Request = { video?: unknown; audio?: unknown };
const stubDevices = (own: object = {}) => {
  const requests: Request[] = [];
  const devices = Object.assign(new EventTarget(), {
    getUserMedia: async (request: Request) => {
      requests.push(request);
      return new FakeStream(Object.entries(request).flatMap(([kind, wish]) => (wish ? [new FakeTrack(kind)] : [])));
    },
    enumerateDevices: async () => [
      { kind: "videoinput", deviceId: "v1", label: "Camera", groupId: "g" },
      { kind: "audioinput", deviceId: "default", label: "Default - Microphone", groupId: "g" },
      { kind: "audioinput", deviceId: "communications", label: "Communications", groupId: "g" },
      { kind: "audiooutput", deviceId: "", label: "", groupId: "" },
    ],
    ...own,
  });
  vi.stubGlobal("navigator", { mediaDevices: devices });
  return { devices, requests };
};
const exception = (name: string, message = "", more: object = {}) => Object.assign(new Error(message), { name }, more);

beforeEach(() => vi.stubGlobal("MediaStream", FakeStream));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("errors of devices", () => {
  // Names and messages as Chromium and Firefox give them.
  it.each([
    [exception("NotAllowedError", "Permission denied"), "media.permission.denied", /icon beside the address/],
    [exception("NotAllowedError", "Permission dismissed"), "media.permission.denied", /Answer/],
    [exception("NotAllowedError", "Permission denied by system"), "media.permission.denied", /privacy settings/],
    [
      exception("NotAllowedError", 'Access to the feature "camera" is disallowed by permissions policy.'),
      "media.permission.denied",
      /allow="camera/,
    ],
    [
      exception("NotAllowedError", "The request is not allowed by the user agent or the platform in the current context."),
      "media.permission.denied",
      /icon/,
    ],
    [exception("SecurityError"), "media.permission.denied", /./],
    [exception("NotFoundError", "Requested device not found"), "media.device.missing", /Connect/],
    [exception("NotFoundError", "The object can not be found here."), "media.device.missing", /Connect/],
    [exception("NotReadableError", "Could not start video source"), "media.device.busy", /Close/],
    [exception("NotReadableError", "Failed to allocate videosource"), "media.device.busy", /Close/],
    [exception("AbortError", "Starting videoinput failed"), "media.device.busy", /Close/],
    [exception("OverconstrainedError", "", { constraint: "width" }), "media.constraint.unsatisfied", /less/],
    [exception("OverconstrainedError", "", { constraint: "deviceId" }), "media.device.missing", /choose/],
    [exception("UnknownError", "odd"), "media.device.failed", /Try again/],
    [undefined, "media.device.failed", /Try again/],
  ])("%# tells the code and the remedy", (cause, code, remedy) => {
    const error = deviceError(cause, "camera");
    expect(error.code).toBe(code);
    expect(error.code in DEVICE_ERROR_CODES).toBe(true);
    expect(error.remedy).toMatch(remedy);
    expect(error.message).toMatch(/camera/);
    expect(error.cause).toBe(cause);
  });

  it.each([
    [exception("NotAllowedError", "Permission denied"), "media.screen.cancelled"],
    [exception("NotAllowedError", "Permission denied by system"), "media.permission.denied"],
    [exception("AbortError"), "media.screen.cancelled"],
    [exception("InvalidStateError"), "media.screen.failed"],
    [exception("NotReadableError", "Could not start"), "media.screen.failed"],
  ])("%# tells why no screen is shared", (cause, code) => {
    expect(screenError(cause)).toMatchObject({ code, remedy: expect.any(String), cause });
  });
});

describe("devices", () => {
  it("are hidden from a page that is not secure", async () => {
    vi.stubGlobal("navigator", {});
    for (const act of [() => listDevices(), () => openMedia({ camera: true }), () => shareScreen()]) {
      await expect(act()).rejects.toMatchObject({ code: "media.context.insecure", remedy: expect.stringContaining("https") });
    }
  });

  it("are listed by kind, without doubles and placeholders", async () => {
    stubDevices();
    expect(await listDevices()).toEqual({
      cameras: [{ id: "v1", label: "Camera", groupId: "g" }],
      microphones: [{ id: "default", label: "Default - Microphone", groupId: "g" }],
      speakers: [],
    });
  });

  it("are opened as wished", async () => {
    const { requests } = stubDevices();
    await openMedia({ camera: true, microphone: "m1" });
    await openMedia({ camera: { width: 320 } });
    expect(requests).toEqual([
      {
        video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } },
        audio: { deviceId: { exact: "m1" } },
      },
      { video: { width: 320 }, audio: false },
    ]);
    expect((await openMedia({})).getTracks()).toEqual([]);
    expect(requests).toHaveLength(2);
    stubDevices({ getUserMedia: () => Promise.reject(exception("NotFoundError")) });
    await expect(openMedia({ camera: true, microphone: true })).rejects.toMatchObject({ code: "media.device.missing" });
  });

  it("are switched inside the same stream, muted as before", async () => {
    const { requests } = stubDevices();
    const old = new FakeTrack("audio", { deviceId: "m1", groupId: "g", noiseSuppression: false });
    old.enabled = false;
    old.contentHint = "speech";
    const stream = new FakeStream([old, new FakeTrack("video")]);
    const next = (await switchDevice(stream as unknown as MediaStream, "microphone", "m2")) as unknown as FakeTrack;
    expect(requests).toEqual([{ audio: { deviceId: { exact: "m2" }, noiseSuppression: false } }]);
    expect(next).toMatchObject({ enabled: false, contentHint: "speech", kind: "audio" });
    expect(old.readyState).toBe("ended");
    expect(stream.getAudioTracks()).toEqual([next]);
    expect(stream.getVideoTracks()).toHaveLength(1);
  });

  it("are switched by closing the old one first where only one may be open", async () => {
    const old = new FakeTrack("video");
    let tries = 0;
    stubDevices({
      getUserMedia: async () => {
        tries += 1;
        if (old.readyState === "live") throw exception("NotReadableError");
        return new FakeStream([new FakeTrack("video")]);
      },
    });
    const stream = new FakeStream([old]);
    await switchDevice(stream as unknown as MediaStream, "camera", "v2");
    expect(tries).toBe(2);
    stubDevices({ getUserMedia: () => Promise.reject(exception("NotAllowedError")) });
    const kept = stream.getVideoTracks()[0];
    await expect(switchDevice(stream as unknown as MediaStream, "camera", "v3")).rejects.toMatchObject({
      code: "media.permission.denied",
    });
    expect(kept?.readyState).toBe("live");
  });

  it("are watched, a burst of changes told once, until aborted", async () => {
    vi.useFakeTimers();
    const { devices } = stubDevices();
    const listener = vi.fn();
    const controller = new AbortController();
    watchDevices(listener, { signal: controller.signal });
    for (let n = 0; n < 3; n += 1) devices.dispatchEvent(new Event("devicechange"));
    await vi.advanceTimersByTimeAsync(1000);
    expect(listener).toHaveBeenCalledTimes(1);
    expect(listener.mock.calls[0]?.[0].cameras).toHaveLength(1);
    controller.abort();
    devices.dispatchEvent(new Event("devicechange"));
    await vi.advanceTimersByTimeAsync(1000);
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it("play where they are told, or say why not", async () => {
    const element = (own: object) => own as unknown as HTMLMediaElement;
    const seen: string[] = [];
    await setSpeaker(element({ setSinkId: async (id: string) => void seen.push(id) }), "s1");
    expect(seen).toEqual(["s1"]);
    await expect(setSpeaker(element({}), "s1")).rejects.toMatchObject({ code: "media.speaker.unsupported" });
    const gone = element({ setSinkId: () => Promise.reject(exception("NotFoundError")) });
    await expect(setSpeaker(gone, "s1")).rejects.toMatchObject({ code: "media.device.missing" });
  });
});

describe("screen sharing", () => {
  it("asks for the system's sound, and hints at what the picture is", async () => {
    const requests: object[] = [];
    stubDevices({
      getDisplayMedia: async (request: object) => {
        requests.push(request);
        return new FakeStream([new FakeTrack("video"), new FakeTrack("audio")]);
      },
    });
    const stream = await shareScreen();
    expect(requests[0]).toMatchObject({
      audio: { echoCancellation: false },
      systemAudio: "include",
      surfaceSwitching: "include",
      selfBrowserSurface: "exclude",
    });
    expect(stream.getTracks().map((each) => each.contentHint)).toEqual(["detail", "music"]);
    await shareScreen({ audio: false, contentHint: "motion" });
    expect(requests[1]).toMatchObject({ audio: false, systemAudio: "exclude" });
  });

  it("says where it cannot be, and when nobody chose", async () => {
    stubDevices();
    await expect(shareScreen()).rejects.toMatchObject({ code: "media.screen.unsupported" });
    stubDevices({ getDisplayMedia: () => Promise.reject(exception("NotAllowedError")) });
    await expect(shareScreen()).rejects.toMatchObject({ code: "media.screen.cancelled" });
  });
});

describe("level meter", () => {
  it("is linear in decibels between silence and full scale", () => {
    const sine = (amplitude: number) => Float32Array.from({ length: 2048 }, (_, n) => amplitude * Math.sin(n / 5));
    expect(levelOf(new Float32Array(2048))).toBe(0);
    expect(levelOf(sine(1))).toBeCloseTo(0.95, 2);
    expect(levelOf(sine(0.1))).toBeCloseTo(0.95 - 1 / 3, 2);
    expect(levelOf(sine(0.0001))).toBe(0);
    expect(levelOf(new Float32Array(2048).fill(2))).toBe(1);
  });

  it("is silent for a stream without sound", () => {
    expect(createLevelMeter(new FakeStream() as unknown as MediaStream).level()).toBe(0);
  });

  it("shares one audio context and ends it with the last meter", () => {
    let made = 0;
    let closed = 0;
    class FakeContext {
      state = "running";
      constructor() {
        made += 1;
      }
      createMediaStreamSource = () => ({ connect: () => {}, disconnect: () => {} });
      createAnalyser = () => ({ fftSize: 0, getFloatTimeDomainData: (samples: Float32Array) => samples.fill(1) });
      close = async () => {
        closed += 1;
      };
    }
    vi.stubGlobal("AudioContext", FakeContext);
    const stream = new FakeStream([new FakeTrack("audio")]) as unknown as MediaStream;
    const meters = [createLevelMeter(stream), createLevelMeter(stream)];
    expect(meters[0]?.level()).toBe(1);
    for (const each of [...meters, ...meters]) each.close();
    expect([made, closed, meters[0]?.level()]).toEqual([1, 1, 0]);
  });
});
