/** The log port. Cores and the SDK write to it; servers put pino behind it. */

export type LogFields = { readonly [name: string]: unknown };

/** `error`: someone must act; `warn`: it went on, but not well; `info`: one line for a step of a lifecycle; `debug`: the rest. */
export interface Log {
  error(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
}

const nothing = () => {};

export const silentLog: Log = { error: nothing, warn: nothing, info: nothing, debug: nothing };
