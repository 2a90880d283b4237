/** The sending side of one file: reads it in slices, a little ahead of the channel, and digests as it reads. */
import { CodedError } from "@tsunagi/base";
import type { BlobPort } from "./blob.ts";
import { createDigest, type Digest } from "./digest.ts";
import { encodeControl, type FileControl, type FileOffer } from "./file-control.ts";
import { encodeFrame } from "./frame.ts";
import type { FrameSource } from "./pipe.ts";
import { hex, Transfer, type TransferPort } from "./transfer.ts";

/** Read at a time: large enough that reading costs little, small enough that digesting it does not stop a page's animation. */
const SLICE_BYTES = 1024 * 1024;

/** A `chunk` frame's header. */
const CHUNK_HEADER = 5;

export type FileTransferEvents = {
  /** `sent`: bytes that the receiver confirmed. At most ten times a second. */
  progress: [{ readonly sent: number; readonly size: number; readonly bytesPerSecond: number }];
  done: [{ readonly sha256: string }];
  cancel: [by: "sender" | "receiver"];
  error: [CodedError];
  close: [];
};

/** `waiting`: for its turn or the receiver's consent; `paused`: until the connection is back. */
export type FileTransferState = "waiting" | "sending" | "paused" | "done" | "cancelled" | "failed";

export class FileTransfer extends Transfer<{ readonly sha256: string }, FileTransferEvents> implements FrameSource {
  readonly #blob: BlobPort;
  /** There may be frames to take now. */
  readonly #wake: () => void;
  #hash: Digest | undefined;
  #accepted = false;
  /** Slices read and not yet taken, and how much of the first one is. */
  readonly #slices: Uint8Array[] = [];
  #taken = 0;
  #read = 0;
  #reading = false;
  #confirmed = 0;
  #digest: string | undefined;
  #endSent = false;

  constructor(offer: FileOffer, blob: BlobPort, port: TransferPort, wake: () => void) {
    super(offer, port);
    this.#blob = blob;
    this.#wake = wake;
  }

  get state(): FileTransferState {
    return this.outcome ?? (this.#accepted ? (this.connected ? "sending" : "paused") : "waiting");
  }

  /** Bytes that the receiver confirmed. */
  get sent(): number {
    return this.#confirmed;
  }

  cancel(): void {
    if (this.outcome !== undefined) return;
    this.control({ type: "cancel", id: this.id });
    this.cancelled("sender");
  }

  // ---- For the connection that owns it

  nextFrame(frameBytes: number): ReturnType<FrameSource["nextFrame"]> {
    if (!this.#isSending()) return undefined;
    const slice = this.#slices[0];
    if (slice === undefined) {
      if (this.#digest === undefined || this.#endSent) return undefined;
      this.#endSent = true;
      const data = encodeFrame({
        kind: "control",
        payload: encodeControl({ type: "end", id: this.id, sha256: this.#digest }),
      });
      return { data, bytes: data.length };
    }
    const payload = slice.subarray(this.#taken, this.#taken + frameBytes - CHUNK_HEADER);
    this.#taken += payload.length;
    if (this.#taken === slice.length) {
      this.#slices.shift();
      this.#taken = 0;
      this.#fill();
    }
    const data = encodeFrame({ kind: "chunk", transfer: this.id, payload });
    return { data, bytes: data.length, onConfirmed: () => this.#confirm(payload.length) };
  }

  handle(control: FileControl): void {
    if (this.outcome !== undefined) return;
    if (control.type === "accept" && !this.#accepted) {
      this.#accepted = true;
      this.pausedUntilNow();
      createDigest().then(
        (hash) => {
          this.#hash = hash;
          this.#fill();
        },
        (error) => this.#giveUp(error),
      );
    } else if (control.type === "done") {
      this.#finish(control.sha256);
    } else if (control.type === "stop") {
      if (control.code !== undefined) this.fail(refused(control.code));
      else if (this.#accepted) this.cancelled("receiver");
      else this.end("cancelled", new CodedError("file.transfer.rejected", "The receiver does not want the file."), "receiver");
    }
  }

  protected release(): void {
    this.#slices.length = 0;
  }

  /** Keeps up to two slices ready; one read at a time. */
  #fill(): void {
    const hash = this.#hash;
    if (hash === undefined || this.#reading || this.#slices.length >= 2 || !this.#isSending()) return;
    if (this.#read === this.size) {
      this.#digest ??= hex(hash.digest());
      this.#wake();
      return;
    }
    this.#reading = true;
    const end = Math.min(this.#read + SLICE_BYTES, this.size);
    this.#blob
      .slice(this.#read, end)
      .arrayBuffer()
      .then(
        (buffer) => {
          this.#reading = false;
          if (!this.#isSending()) return;
          const bytes = new Uint8Array(buffer);
          if (bytes.length !== end - this.#read) {
            this.#unreadable(undefined);
            return;
          }
          this.#read = end;
          hash.update(bytes);
          this.#slices.push(bytes);
          this.#fill();
          this.#wake();
        },
        (cause: unknown) => this.#unreadable(cause),
      );
  }

  #isSending(): boolean {
    return this.#accepted && this.outcome === undefined;
  }

  #unreadable(cause: unknown): void {
    const remedy = "Choose the file again.";
    this.#giveUp(new CodedError("file.read.failed", "The file could not be read to its end.", { cause, remedy }));
  }

  #giveUp(error: CodedError): void {
    if (this.outcome !== undefined) return;
    this.control({ type: "cancel", id: this.id, code: "file.read.failed" });
    this.fail(error);
  }

  #confirm(bytes: number): void {
    this.#confirmed += bytes;
    if (this.outcome === undefined) this.progress("sent", this.#confirmed, false);
  }

  #finish(sha256: string): void {
    if (!this.#endSent || sha256 !== this.#digest) {
      this.fail(new CodedError("file.digest.mismatch", "The receiver's file is not the one that was sent."));
      return;
    }
    this.#confirmed = this.size;
    this.progress("sent", this.size, true);
    this.succeed({ sha256 });
  }
}

/** The codes a receiver may give; another text from the network does not become a code here. */
function refused(code: string): CodedError {
  if (code === "file.digest.mismatch") return new CodedError(code, "What the receiver got is not what was sent.");
  if (code === "file.transfer.too-large") return new CodedError(code, "The file is larger than the receiver takes.");
  if (code === "file.transfer.limit") return new CodedError(code, "The receiver has as many transfers under way as it takes.");
  return new CodedError("file.transfer.malformed", "The receiver could not put the file together.");
}
