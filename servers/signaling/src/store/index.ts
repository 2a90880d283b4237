export { AppRegistry, type RegistryEvents, type RegistryOptions } from "./app-registry.ts";
export { CallRecorder, callRecordOf, type RecorderOptions } from "./call-recorder.ts";
export { STORE_CODES, type StoreCode } from "./errors.ts";
export { API_KEY_PATTERN, newApiKey, newId, newSecret } from "./keys.ts";
export { openStore, type StoreOptions } from "./open.ts";
export type { CallRetention } from "./sql-store.ts";
export type * from "./store.ts";
