/** The configuration as the server reads it, so that every command means the same store, ports and files. */
import { type Config, loadConfig } from "@tsunagi/server-all/config";
import type { OptionSpecs } from "./command.ts";
import type { Io } from "./io.ts";

export const CONFIG_OPTIONS = {
  config: { type: "string", short: "c", value: "FILE", help: "the configuration (default tsunagi.config.yaml, if it is there)" },
  "data-dir": { type: "string", value: "DIR", help: "where keys, certificates and logs are kept (default .tsunagi)" },
} as const satisfies OptionSpecs;

export type ConfigValues = { readonly config?: string; readonly "data-dir"?: string };

/** @throws {CodedError} `config.file.unreadable`, `config.file.malformed`, `config.value.invalid` */
export function configOf(values: ConfigValues, io: Io): Config {
  return loadConfig({ file: values.config, flags: { "data-dir": values["data-dir"] }, env: io.env, cwd: io.cwd });
}
