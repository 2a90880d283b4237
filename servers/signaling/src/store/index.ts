export { AppRegistry, type RegistryEvents, type RegistryOptions } from "./app-registry.ts";
export { CallRecorder, callRecordOf, type RecorderOptions } from "./call-recorder.ts";
export { STORE_CODES, type StoreCode } from "./errors.ts";
export {
  IMPORT_MAX,
  type ImportedApp,
  type ImportOptions,
  type ImportOutcome,
  type ImportResult,
  importedAppSchema,
} from "./import.ts";
export { API_KEY_PATTERN, newApiKey, newId, newSecret, SKYWAY_KEY_PATTERN } from "./keys.ts";
export { openStore, type StoreOptions } from "./open.ts";
export type { CallRetention } from "./sql-store.ts";
export type * from "./store.ts";
