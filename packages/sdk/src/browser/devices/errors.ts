/** What can go wrong with devices and screens, and what a person can do about it. */
import { CodedError, type CodedErrorOptions } from "@tsunagi/base";

export const DEVICE_ERROR_CODES = {
  "media.context.insecure": "The page is not in a secure context: browsers give devices only to https and localhost.",
  "media.permission.denied": "The user, the system or the embedding page does not let this page use the device.",
  "media.device.missing": "No such device is connected.",
  "media.device.busy": "Another program uses the device, or the system could not start it.",
  "media.constraint.unsatisfied": "No device can do what was asked of it.",
  "media.device.failed": "The browser could not open the device, for a reason it does not tell.",
  "media.screen.cancelled": "The user closed the choice of screens.",
  "media.screen.unsupported": "This browser cannot share screens.",
  "media.screen.failed": "The browser could not capture the screen.",
  "media.speaker.unsupported": "This browser plays on the system's speaker only.",
} as const;

export type DeviceErrorCode = keyof typeof DEVICE_ERROR_CODES;

/** What was asked for, as a person calls it. */
export type DeviceKind = "camera" | "microphone" | "camera or microphone" | "speaker";

/**
 * The coded error for what getUserMedia, setSinkId or enumerateDevices threw.
 * Chromium and Firefox use the names of mediacapture-main §10.3; the older ones are Chromium's before 2018, still in some web views.
 */
export function deviceError(cause: unknown, kind: DeviceKind): CodedError {
  const { name, message, constraint } = facts(cause);
  switch (name) {
    case "NotAllowedError":
    case "PermissionDeniedError":
    case "SecurityError":
      return denied(cause, kind, message);
    case "NotFoundError":
    case "DevicesNotFoundError":
      return missing(cause, kind);
    case "NotReadableError":
    case "TrackStartError":
    // Firefox: "Starting videoinput failed".
    case "AbortError":
      return coded(
        "media.device.busy",
        cause,
        `The ${kind} could not be started.`,
        "Close other programs and tabs that use it, or unplug it and plug it in again.",
      );
    case "OverconstrainedError":
    case "ConstraintNotSatisfiedError":
      if (constraint === "deviceId" || constraint === "groupId") return missing(cause, kind);
      return coded(
        "media.constraint.unsatisfied",
        cause,
        `No ${kind} can do what was asked of it${constraint === "" ? "" : ` (${constraint})`}.`,
        "Ask for less: a lower resolution or frame rate, or another device.",
      );
    default:
      return coded(
        "media.device.failed",
        cause,
        `The ${kind} could not be opened: ${message || name}.`,
        "Try again, or choose another device.",
      );
  }
}

/** The coded error for what getDisplayMedia threw. */
export function screenError(cause: unknown): CodedError {
  const { name, message } = facts(cause);
  if (name === "NotAllowedError" && isSystemRefusal(message)) return denied(cause, "screen", message);
  if (name === "NotAllowedError" || name === "AbortError") {
    return coded("media.screen.cancelled", cause, "No screen was chosen.", "Share again and choose a screen, window or tab.");
  }
  if (name === "InvalidStateError") {
    return coded(
      "media.screen.failed",
      cause,
      "Sharing can begin only from a click or key press.",
      "Call shareScreen() in the handler of a click.",
    );
  }
  return coded(
    "media.screen.failed",
    cause,
    `The screen could not be captured: ${message || name}.`,
    "Choose another window, or restart the browser.",
  );
}

/**
 * The browser's media devices.
 *
 * @throws {CodedError} `media.context.insecure` where the browser hides them
 */
export function mediaDevices(): MediaDevices {
  // Absent outside of secure contexts, whatever the type says (mediacapture-main §9.1).
  const devices: MediaDevices | undefined = globalThis.navigator?.mediaDevices;
  if (devices !== undefined) return devices;
  const remedy = "Open the page with https:// or as http://localhost.";
  throw new CodedError("media.context.insecure", "The browser gives no devices to a page that is not secure.", { remedy });
}

export function coded(code: DeviceErrorCode, cause: unknown, message: string, remedy: string): CodedError {
  const options: CodedErrorOptions = { cause, remedy };
  return new CodedError(code, message, options);
}

function denied(cause: unknown, kind: DeviceKind | "screen", message: string): CodedError {
  const remedy = isSystemRefusal(message)
    ? `Allow the browser to use the ${kind} in the system's privacy settings, then try again.`
    : /polic/i.test(message)
      ? `The page is embedded: its frame needs allow="camera; microphone; display-capture".`
      : /dismiss/i.test(message)
        ? `Answer the browser's question about the ${kind} with Allow.`
        : `Allow the ${kind} for this page: the icon beside the address, then try again.`;
  return coded("media.permission.denied", cause, `This page may not use the ${kind}.`, remedy);
}

function missing(cause: unknown, kind: DeviceKind): CodedError {
  return coded("media.device.missing", cause, `No such ${kind} was found.`, "Connect it, or choose another one.");
}

/** Chromium: "Permission denied by system". Firefox tells macOS's refusal in the same words as the user's. */
function isSystemRefusal(message: string): boolean {
  return /by system/i.test(message);
}

function facts(cause: unknown): { readonly name: string; readonly message: string; readonly constraint: string } {
  const { name, message, constraint } = Object(cause) as { name?: unknown; message?: unknown; constraint?: unknown };
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  return { name: text(name) || "Error", message: text(message), constraint: text(constraint) };
}
