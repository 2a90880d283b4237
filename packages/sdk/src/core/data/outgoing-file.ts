/** The sending side of one file: reads it in slices, a little ahead of the channel, and digests as it reads. */
import { type Clock, CodedError, Emitter } from "@tsunagi/base";
import type { BlobPort } from "./blob.ts";
import { deferred } from "./deferred.ts";
import { encodeControl, type FileControl, type FileOffer } from "./file-control.ts";
import { encodeFrame } from "./frame.ts";
import type { FrameSource } from "./pipe.ts";
import { RateMeter } from "./rate.ts";
import { Sha256 } from "./sha256.ts";

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

export type FileTransferState = "waiting" | "sending" | "paused" | "done" | "cancelled" | "failed";

/** What the transfer asks of the connection that owns it. */
export type FileTransferPort = {
  readonly clock: Clock;
  readonly control: (control: FileControl) => void;
  /** There may be frames to take now. */
  readonly wake: () => void;
  /** It ended, however it did. */
  readonly ended: () => void;
};

export class FileTransfer extends Emitter<FileTransferEvents> implements FrameSource {
  readonly #settled = deferred<{ readonly sha256: string }>();
  readonly id: number;
  readonly name: string;
  readonly size: number;
  /** Resolves when the receiver has the whole file and its digest is the same; rejects with a CodedError when it ends otherwise. */
  readonly finished: Promise<{ readonly sha256: string }> = this.#settled.promise;
  readonly #port: FileTransferPort;
  readonly #blob: BlobPort;
  readonly #hash = new Sha256();
  readonly #rate: RateMeter;
  #state: FileTransferState = "waiting";
  #accepted = false;
  #connected = true;
  /** Slices read and not yet taken, and how much of the first one is. */
  readonly #slices: Uint8Array[] = [];
  #taken = 0;
  #read = 0;
  #reading = false;
  #confirmed = 0;
  #digest: string | undefined;
  #endSent = false;

  constructor(offer: FileOffer, blob: BlobPort, port: FileTransferPort) {
    super();
    this.id = offer.id;
    this.name = offer.name;
    this.size = offer.size;
    this.#blob = blob;
    this.#port = port;
    this.#rate = new RateMeter(port.clock.now());
  }

  get state(): FileTransferState {
    return this.#state === "sending" && !this.#connected ? "paused" : this.#state;
  }

  /** Bytes that the receiver confirmed. */
  get sent(): number {
    return this.#confirmed;
  }

  cancel(): void {
    if (this.#isOver()) return;
    this.#port.control({ type: "cancel", id: this.id });
    this.#end("cancelled", new CodedError("file.transfer.cancelled", "The transfer was cancelled."), "sender");
  }

  // ---- For the connection that owns it

  nextFrame(frameBytes: number): ReturnType<FrameSource["nextFrame"]> {
    if (this.#state !== "sending") return undefined;
    const slice = this.#slices[0];
    if (slice === undefined) {
      if (this.#digest === undefined || this.#endSent) return undefined;
      this.#endSent = true;
      const data = encodeFrame({ kind: "control", payload: encodeControl({ type: "end", id: this.id, sha256: this.#digest }) });
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
    if (this.#isOver()) return;
    if (control.type === "accept" && !this.#accepted) {
      this.#accepted = true;
      this.#state = "sending";
      this.#rate.skip(this.#port.clock.now());
      this.#fill();
    } else if (control.type === "done") {
      this.#finish(control.sha256);
    } else if (control.type === "stop") {
      if (control.code === undefined) this.#end("cancelled", stopped(this.#accepted), "receiver");
      else this.#end("failed", failed(control.code));
    }
  }

  setConnected(connected: boolean): void {
    this.#connected = connected;
    this.#rate.skip(this.#port.clock.now());
  }

  fail(error: CodedError): void {
    if (!this.#isOver()) this.#end("failed", error);
  }

  /** Keeps up to two slices ready; one read at a time. */
  #fill(): void {
    if (this.#reading || this.#slices.length >= 2 || this.#state !== "sending") return;
    if (this.#read === this.size) {
      this.#digest ??= this.#hash.digest();
      this.#port.wake();
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
          if (this.#state !== "sending") return;
          const bytes = new Uint8Array(buffer);
          if (bytes.length !== end - this.#read) return this.#unreadable(undefined);
          this.#read = end;
          this.#hash.update(bytes);
          this.#slices.push(bytes);
          this.#fill();
          this.#port.wake();
        },
        (cause: unknown) => this.#unreadable(cause),
      );
  }

  #unreadable(cause: unknown): void {
    if (this.#isOver()) return;
    this.#port.control({ type: "cancel", id: this.id, code: "file.read.failed" });
    const remedy = "Choose the file again.";
    this.#end("failed", new CodedError("file.read.failed", "The file could not be read to its end.", { cause, remedy }));
  }

  #confirm(bytes: number): void {
    this.#confirmed += bytes;
    if (!this.#isOver()) this.#progress(false);
  }

  #progress(last: boolean): void {
    const bytesPerSecond = this.#rate.update(this.#port.clock.now(), this.#confirmed, last);
    if (bytesPerSecond !== undefined) this.emit("progress", { sent: this.#confirmed, size: this.size, bytesPerSecond });
  }

  #finish(digest: string): void {
    if (!this.#endSent || digest !== this.#digest) {
      this.#end("failed", new CodedError("file.digest.mismatch", "The receiver's file is not the one that was sent."));
      return;
    }
    this.#confirmed = this.size;
    this.#progress(true);
    this.#state = "done";
    this.#settled.resolve({ sha256: digest });
    this.emit("done", { sha256: digest });
    this.#close();
  }

  #end(state: "cancelled" | "failed", error: CodedError, by?: "sender" | "receiver"): void {
    this.#state = state;
    this.#slices.length = 0;
    this.#settled.reject(error);
    if (by === undefined) this.emit("error", error);
    else this.emit("cancel", by);
    this.#close();
  }

  #close(): void {
    this.#port.ended();
    this.emit("close");
  }

  #isOver(): boolean {
    return this.#state === "done" || this.#state === "cancelled" || this.#state === "failed";
  }
}

function stopped(accepted: boolean): CodedError {
  return accepted
    ? new CodedError("file.transfer.cancelled", "The receiver cancelled the transfer.")
    : new CodedError("file.transfer.rejected", "The receiver does not want the file.");
}

/** The codes a receiver may give; another text from the network does not become a code here. */
function failed(code: string): CodedError {
  if (code === "file.digest.mismatch") return new CodedError(code, "What the receiver got is not what was sent.");
  if (code === "file.transfer.too-large") return new CodedError(code, "The file is larger than the receiver takes.");
  if (code === "file.transfer.limit") return new CodedError(code, "The receiver has as many transfers under way as it takes.");
  return new CodedError("file.transfer.malformed", "The receiver could not put the file together.");
}
