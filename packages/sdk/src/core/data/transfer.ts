/** What both ends of a file transfer have in common: how it ends, and how it tells of progress. */
import { type Clock, CodedError, Emitter, type EventMap } from "@tsunagi/base";
import { deferred } from "./deferred.ts";
import type { FileControl, FileOffer } from "./file-control.ts";
import { RateMeter } from "./rate.ts";

/** What a transfer asks of the connection that owns it. */
export type TransferPort = {
  readonly clock: Clock;
  readonly control: (control: FileControl) => void;
  /** It ended, however it did. */
  readonly ended: () => void;
};

type Outcome = "done" | "cancelled" | "failed";
type CommonEvents = {
  progress: [object];
  done: [unknown];
  cancel: [by: "sender" | "receiver"];
  error: [CodedError];
  close: [];
};

export abstract class Transfer<Result, Events extends EventMap> extends Emitter<Events> {
  readonly #settled = deferred<Result>();
  readonly id: number;
  readonly name: string;
  readonly size: number;
  /** Resolves once the file is whole at the receiver and its digest was found right; rejects with a CodedError when it ends otherwise. */
  readonly finished: Promise<Result> = this.#settled.promise;
  readonly #port: TransferPort;
  readonly #rate: RateMeter;
  #outcome: Outcome | undefined;
  #connected = true;

  constructor(offer: FileOffer, port: TransferPort) {
    super();
    this.id = offer.id;
    this.name = offer.name;
    this.size = offer.size;
    this.#port = port;
    this.#rate = new RateMeter(port.clock.now());
  }

  // ---- For the connection that owns it

  setConnected(connected: boolean): void {
    this.#connected = connected;
    this.pausedUntilNow();
  }

  fail(error: CodedError): void {
    this.end("failed", error);
  }

  // ---- For the two ends

  protected get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  protected get connected(): boolean {
    return this.#connected;
  }

  protected control(control: FileControl): void {
    this.#port.control(control);
  }

  /** The time since the last progress does not count as slowness. */
  protected pausedUntilNow(): void {
    this.#rate.skip(this.#port.clock.now());
  }

  /** `field` names the bytes in the event. */
  protected progress(field: "sent" | "received", bytes: number, last: boolean): void {
    const bytesPerSecond = this.#rate.update(this.#port.clock.now(), bytes, last);
    if (bytesPerSecond !== undefined) this.#emitter.emit("progress", { [field]: bytes, size: this.size, bytesPerSecond });
  }

  protected succeed(result: Result): void {
    this.#outcome = "done";
    this.#settled.resolve(result);
    this.#emitter.emit("done", result);
    this.#close();
  }

  /** Once: a transfer that is over stays as it ended. `by`: a person cancelled. */
  protected end(outcome: Exclude<Outcome, "done">, error: CodedError, by?: "sender" | "receiver"): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.release();
    this.#settled.reject(error);
    if (by === undefined) this.#emitter.emit("error", error);
    else this.#emitter.emit("cancel", by);
    this.#close();
  }

  protected cancelled(by: "sender" | "receiver"): void {
    this.end("cancelled", new CodedError("file.transfer.cancelled", `The ${by} cancelled the transfer.`), by);
  }

  /** Lets go of what it holds. */
  protected abstract release(): void;

  /** Both ends have these events; the compiler does not see it of a type parameter. */
  get #emitter(): Emitter<CommonEvents> {
    return this as unknown as Emitter<CommonEvents>;
  }

  #close(): void {
    this.#port.ended();
    this.#emitter.emit("close");
  }
}

/** A digest as it is told and compared. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
