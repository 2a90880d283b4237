export type { Blob, BlobFactory, BlobPort } from "./blob.ts";
export {
  DataConnection,
  type DataConnectionEvents,
  type DataConnectionInit,
  type DataConnectionState,
} from "./data-connection.ts";
export type { DataErrorCode } from "./errors.ts";
export type { SendFileOptions } from "./file-exchange.ts";
export { IncomingFile, type IncomingFileEvents, type IncomingFileState } from "./incoming-file.ts";
export { type DataLimits, DEFAULT_LIMITS as DEFAULT_DATA_LIMITS } from "./limits.ts";
export type { SendOptions } from "./message-queue.ts";
export { FileTransfer, type FileTransferEvents, type FileTransferState } from "./outgoing-file.ts";
