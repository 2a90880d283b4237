/** The SDK's own error codes. What the server refuses comes with the server's codes (PROTOCOL.md). */
import { CodedError, type CodedErrorOptions, type Log } from "@tsunagi/base";

export const SDK_ERROR_CODES = {
  "signal.server.unreachable": "The signalling server could not be reached for too long.",
  "signal.server.confused": "The server sent what its protocol does not allow.",
  "signal.request.timeout": "The server did not answer a request in time.",
  "signal.client.closed": "The peer is closed, so nothing can be asked of the server.",
  "signal.credential.failed": "The application's authenticate() failed.",
  "signal.options.invalid": "An option of the peer is missing or cannot be used.",
  "connection.state.closed": "The connection or room is closed.",
  "connection.state.answered": "The call was answered or refused already.",
  "connection.transport.failed": "No path between the two browsers was found, or it was lost and could not be repaired.",
  "connection.framing.unsupported": "The other end uses another client library, which cannot take this change of the call.",
  "connection.code.unreachable": "The part of the SDK for peers of other client libraries could not be loaded.",
  "connection.target.invalid": "A peer cannot connect to itself, or before it knows its ID.",
  "room.code.unreachable": "The part of the SDK for SFU rooms could not be loaded.",
  "media.track.unknown": "The track is not one of those that this connection sends.",
} as const;

export type SdkErrorCode = keyof typeof SDK_ERROR_CODES;

/** What `error` events carry. Callers test `code`. */
export type TsunagiError = CodedError;

export function sdkError(code: SdkErrorCode, message?: string, options?: CodedErrorOptions): CodedError {
  return new CodedError(code, message ?? SDK_ERROR_CODES[code], options);
}

/** Any thrown thing as a coded error. */
export function asCoded(error: unknown, code: SdkErrorCode): CodedError {
  if (error instanceof CodedError) return error;
  return sdkError(code, error instanceof Error ? error.message : String(error), { cause: error });
}

/** What the server says of a refusal, or of an end, as an error with its own code. */
export function serverError(said: {
  readonly code: string;
  readonly message: string;
  readonly remedy?: string | undefined;
}): CodedError {
  return new CodedError(said.code as never, said.message, { remedy: said.remedy });
}

type ErrorEmitter = { emit(name: "error", error: CodedError): boolean };

/** Emits an error; one that nobody listens to is logged instead of being lost or thrown. */
export function report(emitter: ErrorEmitter, error: CodedError, log: Log): void {
  if (emitter.emit("error", error)) return;
  log.error({ code: error.code, remedy: error.remedy, cause: error.cause }, error.message);
}
