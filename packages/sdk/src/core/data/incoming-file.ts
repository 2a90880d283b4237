/** The receiving side of one file: keeps what comes in blobs, so that a browser may hold it on disk, and digests as it comes. */
import { type Clock, CodedError, Emitter, type JsonValue } from "@tsunagi/base";
import type { Blob, BlobFactory, BlobPort } from "./blob.ts";
import { deferred } from "./deferred.ts";
import type { FileControl, FileOffer } from "./file-control.ts";
import { RateMeter } from "./rate.ts";
import { Sha256 } from "./sha256.ts";

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

/** What the transfer asks of the connection that owns it. */
export type IncomingFilePort = {
  readonly clock: Clock;
  readonly createBlob: BlobFactory;
  readonly control: (control: FileControl) => void;
  readonly ended: () => void;
};

export class IncomingFile extends Emitter<IncomingFileEvents> {
  readonly #settled = deferred<Blob>();
  readonly id: number;
  /** Without a path and without control characters; still the sender's words. */
  readonly name: string;
  readonly size: number;
  /** The sender's claim. */
  readonly mimeType: string;
  readonly metadata: JsonValue | undefined;
  /** Resolves with the whole file once its digest was found right; rejects with a CodedError when it ends otherwise. */
  readonly finished: Promise<Blob> = this.#settled.promise;
  readonly #port: IncomingFilePort;
  readonly #hash = new Sha256();
  readonly #rate: RateMeter;
  #state: IncomingFileState = "offered";
  #held = false;
  #connected = true;
  #received = 0;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #parts: BlobPort[] = [];
  #sha256: string | undefined;

  constructor(offer: FileOffer, port: IncomingFilePort) {
    super();
    this.id = offer.id;
    this.name = offer.name;
    this.size = offer.size;
    this.mimeType = offer.mimeType;
    this.metadata = offer.metadata;
    this.#port = port;
    this.#rate = new RateMeter(port.clock.now());
  }

  get state(): IncomingFileState {
    return this.#state === "receiving" && !this.#connected ? "paused" : this.#state;
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
    if (this.#state !== "offered") return;
    this.#state = "receiving";
    this.#rate.skip(this.#port.clock.now());
    this.#port.control({ type: "accept", id: this.id });
  }

  reject(): void {
    if (this.#state === "offered") this.cancel();
  }

  cancel(): void {
    if (this.#isOver()) return;
    const error =
      this.#state === "offered"
        ? new CodedError("file.transfer.rejected", "The file was not wanted.")
        : new CodedError("file.transfer.cancelled", "The transfer was cancelled.");
    this.#port.control({ type: "stop", id: this.id });
    this.#end("cancelled", error, "receiver");
  }

  // ---- For the connection that owns it

  /** After the `file` event. */
  acceptUnlessHeld(): void {
    if (!this.#held) this.accept();
  }

  /** Takes the bytes over. */
  chunk(bytes: Uint8Array): void {
    if (this.#state !== "receiving") return;
    if (this.#received + bytes.length > this.size) {
      this.#refuse("file.transfer.malformed", "More came than the file has.");
      return;
    }
    this.#received += bytes.length;
    this.#hash.update(bytes);
    this.#gathered.push(bytes);
    this.#gatheredBytes += bytes.length;
    if (this.#gatheredBytes >= GATHER_BYTES) this.#gather();
    this.#progress(false);
  }

  handle(control: FileControl): void {
    if (this.#isOver()) return;
    if (control.type === "end") {
      if (this.#state === "receiving") this.#finish(control.sha256);
    } else if (control.type === "cancel") {
      if (control.code === undefined) {
        this.#end("cancelled", new CodedError("file.transfer.cancelled", "The sender cancelled the transfer."), "sender");
      } else {
        this.#end("failed", new CodedError("file.read.failed", "The sender could not read the file to its end."));
      }
    }
  }

  setConnected(connected: boolean): void {
    this.#connected = connected;
    this.#rate.skip(this.#port.clock.now());
  }

  fail(error: CodedError): void {
    if (!this.#isOver()) this.#end("failed", error);
  }

  #finish(expected: string): void {
    if (this.#received !== this.size) {
      this.#refuse("file.transfer.malformed", `${this.#received} of ${this.size} bytes came.`);
      return;
    }
    const digest = this.#hash.digest();
    if (digest !== expected) {
      this.#refuse("file.digest.mismatch", "What arrived is not what was sent.");
      return;
    }
    this.#gather();
    const blob = this.#port.createBlob(this.#parts, this.mimeType) as Blob;
    this.#parts = [];
    this.#sha256 = digest;
    this.#progress(true);
    this.#state = "done";
    this.#port.control({ type: "done", id: this.id, sha256: digest });
    this.#settled.resolve(blob);
    this.emit("done", blob);
    this.#close();
  }

  #gather(): void {
    this.#parts.push(this.#port.createBlob(this.#gathered, ""));
    this.#gathered = [];
    this.#gatheredBytes = 0;
  }

  #progress(last: boolean): void {
    const bytesPerSecond = this.#rate.update(this.#port.clock.now(), this.#received, last);
    if (bytesPerSecond !== undefined) this.emit("progress", { received: this.#received, size: this.size, bytesPerSecond });
  }

  #refuse(code: "file.transfer.malformed" | "file.digest.mismatch", message: string): void {
    this.#port.control({ type: "stop", id: this.id, code });
    this.#end("failed", new CodedError(code, message, { remedy: "Ask for the file again." }));
  }

  #end(state: "cancelled" | "failed", error: CodedError, by?: "sender" | "receiver"): void {
    this.#state = state;
    this.#gathered = [];
    this.#parts = [];
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
