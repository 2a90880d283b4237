/** The error base: mistakes of a peer, a user or a network carry a stable code; broken own invariants stay plain `Error`s. */

/** `area.thing.problem`, for example `room.member.limit`. Callers test this, never the text. */
export type Code = `${string}.${string}.${string}`;

export type CodedErrorOptions = ErrorOptions & {
  /** What a person can do about it, one sentence. */
  readonly remedy?: string | undefined;
};

/** An expected failure. Constructing one has no side effect. */
export class CodedError extends Error {
  override readonly name: string = "CodedError";
  readonly code: Code;
  readonly remedy: string | undefined;

  constructor(code: Code, message: string, options: CodedErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.remedy = options.remedy;
  }
}

/** A mistake in bytes or messages that came from outside. */
export class ProtocolError extends CodedError {
  override readonly name = "ProtocolError";
}

/** Ends a `switch` over a union: a new variant becomes a compile error instead of a silent drop. */
export function assertNever(value: never): never {
  throw new Error(`unhandled variant ${JSON.stringify(value)}`);
}
