/** Screen sharing (W3C screen-capture), with sound where the browser gives it. */
import { CodedError } from "@tsunagi/base";
import { mediaDevices, screenError } from "./errors.ts";

export type ShareScreenOptions = {
  /** The sound of the tab, window or system too, as far as browser, system and user give it. Default true. */
  readonly audio?: boolean;
  /** `detail` and `text` keep letters sharp at few pictures a second, `motion` keeps films smooth. Default `detail`. */
  readonly contentHint?: "detail" | "text" | "motion" | "";
  /** Default: up to 30 pictures a second in the screen's own resolution. */
  readonly video?: MediaTrackConstraints;
};

/** Members that Chromium knows and others pass over. */
type ScreenOptions = DisplayMediaStreamOptions & {
  readonly systemAudio: "include" | "exclude";
  /** Offers to change the shared tab while sharing. */
  readonly surfaceSwitching: "include";
  /** Leaves the page's own tab out of the choice: it would show itself in itself. */
  readonly selfBrowserSurface: "exclude";
};

/**
 * Asks the user for a screen, window or tab. Call it in the handler of a click.
 * The video track's `ended` tells that the user stopped sharing from the browser's own bar.
 *
 * @throws {CodedError} `media.screen.cancelled`, `media.screen.unsupported`, `media.screen.failed`, `media.permission.denied`,
 * `media.context.insecure`
 */
export async function shareScreen(options: ShareScreenOptions = {}): Promise<MediaStream> {
  const devices = mediaDevices();
  if (typeof devices.getDisplayMedia !== "function") {
    const remedy = "Share from a browser on a computer.";
    throw new CodedError("media.screen.unsupported", "This browser cannot share screens.", { remedy });
  }
  const { audio = true, contentHint = "detail", video = { frameRate: { max: 30 } } } = options;
  const request: ScreenOptions = {
    video,
    // What is meant for voices would take music and films apart.
    audio: audio && { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    systemAudio: audio ? "include" : "exclude",
    surfaceSwitching: "include",
    selfBrowserSurface: "exclude",
  };
  let stream: MediaStream;
  try {
    stream = await devices.getDisplayMedia(request);
  } catch (cause) {
    throw screenError(cause);
  }
  for (const track of stream.getVideoTracks()) track.contentHint = contentHint;
  for (const track of stream.getAudioTracks()) track.contentHint = "music";
  return stream;
}
