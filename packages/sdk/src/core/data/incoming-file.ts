/** The receiving side of one file: keeps what comes in blobs, so that a browser may hold it on disk, and digests as it comes. */
import { CodedError, type JsonValue } from "@tsunagi/base";
import type { Blob, BlobFactory, BlobPort } from "./blob.ts";
import { createDigest, type Digest } from "./digest.ts";
import type { FileControl, FileOffer } from "./file-control.ts";
import { hex, Transfer, type TransferPort } from "./transfer.ts";

/** So much is held in memory before it becomes a blob. */
const GATHER_BYTES = 4 * 1024 * 1024;

export type IncomingFileEvents = {
  /** At most ten times a second. */
  progress: [{ readonly received: number; readonly size: number; readonly bytesPerSecond: number }];
  done: [Blob];
  cancel: [by: "sender" | "receiver"];
  error: [CodedError];
  close: [];
};

export type IncomingFileState = "offered" | "receiving" | "paused" | "done" | "cancelled" | "failed";

/** `name` is without a path and without control characters, and still the sender's words. */
export class IncomingFile extends Transfer<Blob, IncomingFileEvents> {
  /** The sender's claim. */
  readonly mimeType: string;
  readonly metadata: JsonValue | undefined;
  readonly #createBlob: BlobFactory;
  #hash: Digest | undefined;
  #accepted = false;
  #held = false;
  #received = 0;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #parts: BlobPort[] = [];
  #sha256: string | undefined;

  constructor(offer: FileOffer, port: TransferPort, createBlob: BlobFactory) {
    super(offer, port);
    this.mimeType = offer.mimeType;
    this.metadata = offer.metadata;
    this.#createBlob = createBlob;
  }

  get state(): IncomingFileState {
    return this.outcome ?? (this.#accepted ? (this.connected ? "receiving" : "paused") : "offered");
  }

  get received(): number {
    return this.#received;
  }

  /** The digest in hexadecimal, once the file is whole. */
  get sha256(): string | undefined {
    return this.#sha256;
  }

  /** Leaves the offer open beyond the `file` event, for a person to decide: later call `accept()` or `reject()`. */
  hold(): void {
    this.#held = true;
  }

  /** Starts the transfer. Called for you after the `file` event unless `hold()` or `reject()` was. */
  accept(): void {
    if (this.#accepted || this.outcome !== undefined) return;
    this.#accepted = true;
    this.pausedUntilNow();
    createDigest().then(
      (hash) => {
        if (this.outcome !== undefined) return;
        this.#hash = hash;
        this.control({ type: "accept", id: this.id });
      },
      (error) => {
        if (this.outcome !== undefined) return;
        this.control({ type: "stop", id: this.id, code: "file.transfer.malformed" });
        this.fail(error);
      },
    );
  }

  /** Only before it was accepted; later see {@link IncomingFile.cancel}. */
  reject(): void {
    if (!this.#accepted) this.cancel();
  }

  cancel(): void {
    if (this.outcome !== undefined) return;
    this.control({ type: "stop", id: this.id });
    if (this.#accepted) this.cancelled("receiver");
    else this.end("cancelled", new CodedError("file.transfer.rejected", "The file was not wanted."), "receiver");
  }

  // ---- For the connection that owns it

  /** After the `file` event. */
  acceptUnlessHeld(): void {
    if (!this.#held) this.accept();
  }

  /** Takes the bytes over. */
  chunk(bytes: Uint8Array): void {
    if (!this.#isReceiving()) return;
    if (this.#received + bytes.length > this.size) {
      this.#refuse("file.transfer.malformed", "More came than the file has.");
      return;
    }
    this.#received += bytes.length;
    this.#hash?.update(bytes);
    this.#gathered.push(bytes);
    this.#gatheredBytes += bytes.length;
    if (this.#gatheredBytes >= GATHER_BYTES) this.#gather();
    this.progress("received", this.#received, false);
  }

  handle(control: FileControl): void {
    if (control.type === "end") {
      if (this.#isReceiving()) this.#finish(control.sha256);
    } else if (control.type === "cancel") {
      if (control.code === undefined) this.cancelled("sender");
      else this.fail(new CodedError("file.read.failed", "The sender could not read the file to its end."));
    }
  }

  protected release(): void {
    this.#gathered = [];
    this.#parts = [];
  }

  #isReceiving(): boolean {
    return this.#hash !== undefined && this.outcome === undefined;
  }

  #finish(expected: string): void {
    if (this.#received !== this.size) {
      this.#refuse("file.transfer.malformed", `${this.#received} of ${this.size} bytes came.`);
      return;
    }
    const digest = this.#hash && hex(this.#hash.digest());
    if (digest === undefined || digest !== expected) {
      this.#refuse("file.digest.mismatch", "What arrived is not what was sent.");
      return;
    }
    this.#gather();
    const blob = this.#createBlob(this.#parts, this.mimeType) as Blob;
    this.release();
    this.#sha256 = digest;
    this.progress("received", this.size, true);
    this.control({ type: "done", id: this.id, sha256: digest });
    this.succeed(blob);
  }

  #gather(): void {
    this.#parts.push(this.#createBlob(this.#gathered, ""));
    this.#gathered = [];
    this.#gatheredBytes = 0;
  }

  #refuse(code: "file.transfer.malformed" | "file.digest.mismatch", message: string): void {
    this.control({ type: "stop", id: this.id, code });
    this.fail(new CodedError(code, message, { remedy: "Ask for the file again." }));
  }
}
