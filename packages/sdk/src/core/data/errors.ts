/** Every code that data connections and file transfers raise, with what it means. */

export const DATA_ERROR_CODES = {
  "data.value.unsupported": "The connection's serialization cannot carry this value.",
  "data.message.too-large": "The message is longer than this side, or the other one, takes.",
  "data.message.aborted": "The message was given up through its signal; the signal's reason is the cause.",
  "data.queue.full": "More is waiting to be sent than limits.queueBytes: await send() before sending more.",
  "data.connection.closed": "The connection is closed.",
  "data.connection.interrupted": "A lossy connection is being restored: what would arrive late is refused instead.",
  "data.frame.malformed": "The other end sent bytes that are not a frame, or a message that is not what its frame says.",
  "data.peer.unsupported": "The other end does not speak this serialization's framing.",
  "data.session.lost": "The two ends disagree on what was received: the connection cannot go on without loss.",
  "file.transfer.unsupported":
    "This connection cannot carry files: it is raw or lossy, or its other end does not know file transfer.",
  "file.transfer.rejected": "The receiver does not want the file.",
  "file.transfer.cancelled": "One of the two ends cancelled the transfer.",
  "file.transfer.interrupted": "The connection ended before the file was whole.",
  "file.transfer.limit": "The receiver has as many transfers under way as it takes.",
  "file.transfer.too-large": "The file is larger than the receiver takes.",
  "file.transfer.malformed": "The other end sent more or less than the file that it announced.",
  "file.metadata.too-large": "Name and metadata together are longer than 8 KiB.",
  "file.code.unreachable": "The part of the SDK that files need could not be loaded.",
  "file.read.failed": "The file could not be read to its end: it was moved, changed or is not permitted.",
  "file.digest.mismatch": "What arrived is not what was sent: the SHA-256 differs.",
} as const;

export type DataErrorCode = keyof typeof DATA_ERROR_CODES;
