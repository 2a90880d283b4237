/** All file transfers of one connection, both ways: who is under way, who waits for a place, which frame belongs to which. */
import { type AbortSignalLike, type Clock, CodedError, type JsonValue } from "@tsunagi/base";
import type { BlobFactory, BlobPort } from "./blob.ts";
import { encodeControl, type FileControl, type FileOffer, MAX_OFFER_BYTES, parseControl, safeName } from "./file-control.ts";
import { IncomingFile } from "./incoming-file.ts";
import type { DataLimits } from "./limits.ts";
import { FileTransfer } from "./outgoing-file.ts";
import type { DataPipe } from "./pipe.ts";
import type { TransferPort } from "./transfer.ts";

export type SendFileOptions = {
  /** Default: the file's own name. */
  readonly name?: string | undefined;
  /** Media type. Default: the file's own. */
  readonly type?: string | undefined;
  /** For the receiver's application; with the name at most 8 KiB. */
  readonly metadata?: JsonValue | undefined;
  /** Aborting cancels the transfer. */
  readonly signal?: AbortSignalLike | undefined;
};

export type FileExchangeOptions = {
  readonly clock: Clock;
  readonly limits: DataLimits;
  readonly createBlob: BlobFactory;
  readonly pipe: Pick<DataPipe, "sendControl" | "addSource" | "removeSource" | "pump">;
  /** Tells the application. False: nobody listens. */
  readonly onFile: (file: IncomingFile) => boolean;
};

export class FileExchange {
  readonly #options: FileExchangeOptions;
  readonly #outgoing = new Map<number, FileTransfer>();
  readonly #waiting: { readonly transfer: FileTransfer; readonly offer: FileOffer }[] = [];
  readonly #incoming = new Map<number, IncomingFile>();
  #nextId = 0;
  #connected = true;

  constructor(options: FileExchangeOptions) {
    this.#options = options;
  }

  /** @throws {CodedError} `file.metadata.too-large` */
  send(blob: BlobPort & { readonly name?: string }, options: SendFileOptions = {}): FileTransfer {
    const offer: FileOffer = {
      type: "offer",
      id: this.#nextId,
      name: safeName(options.name ?? blob.name ?? "file"),
      size: blob.size,
      mimeType: options.type ?? blob.type,
      metadata: options.metadata,
    };
    if (encodeControl(offer).length > MAX_OFFER_BYTES) {
      const remedy = "Send the metadata as a message of its own.";
      throw new CodedError("file.metadata.too-large", `Name and metadata are longer than ${MAX_OFFER_BYTES} bytes.`, { remedy });
    }
    this.#nextId += 1;
    const { signal } = options;
    const onAbort = () => transfer.cancel();
    const port: TransferPort = {
      clock: this.#options.clock,
      // The receiver knows nothing of a transfer that still waits for its turn.
      control: (control) => this.#outgoing.has(offer.id) && this.#control(control),
      ended: () => {
        signal?.removeEventListener("abort", onAbort);
        this.#ended(transfer);
      },
    };
    const transfer = new FileTransfer(offer, blob, port, () => this.#options.pipe.pump());
    transfer.setConnected(this.#connected);
    this.#waiting.push({ transfer, offer });
    if (signal?.aborted) transfer.cancel();
    else signal?.addEventListener("abort", onAbort, { once: true });
    this.#startWaiting();
    return transfer;
  }

  /** @throws {ProtocolError} `data.frame.malformed` */
  handleControl(payload: Uint8Array): void {
    const control = parseControl(payload);
    switch (control.type) {
      case "offer":
        this.#offered(control);
        return;
      case "end":
      case "cancel":
        this.#incoming.get(control.id)?.handle(control);
        return;
      default:
        this.#outgoing.get(control.id)?.handle(control);
        return;
    }
  }

  /** Chunks of a transfer that was cancelled are still under way for a while: they are passed over. */
  handleChunk(id: number, payload: Uint8Array): void {
    this.#incoming.get(id)?.chunk(payload);
  }

  setConnected(connected: boolean): void {
    this.#connected = connected;
    for (const each of this.#all()) each.setConnected(connected);
  }

  /** Ends all of them. */
  fail(error: CodedError): void {
    for (const each of this.#all()) each.fail(error);
  }

  #all(): (FileTransfer | IncomingFile)[] {
    return [...this.#waiting.map((each) => each.transfer), ...this.#outgoing.values(), ...this.#incoming.values()];
  }

  #offered(offer: FileOffer): void {
    const { limits } = this.#options;
    if (this.#incoming.has(offer.id)) return;
    const refuse = (code?: string) => this.#control({ type: "stop", id: offer.id, code });
    if (offer.size > limits.fileBytes) {
      refuse("file.transfer.too-large");
      return;
    }
    if (this.#incoming.size >= limits.transfers) {
      refuse("file.transfer.limit");
      return;
    }
    const port: TransferPort = {
      clock: this.#options.clock,
      control: (control) => this.#control(control),
      ended: () => this.#incoming.delete(offer.id),
    };
    const file = new IncomingFile(offer, port, this.#options.createBlob);
    this.#incoming.set(offer.id, file);
    if (this.#options.onFile(file)) file.acceptUnlessHeld();
    else file.reject();
  }

  #startWaiting(): void {
    while (this.#outgoing.size < this.#options.limits.transfers) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#outgoing.set(next.transfer.id, next.transfer);
      this.#control(next.offer);
      this.#options.pipe.addSource(next.transfer);
    }
  }

  #ended(transfer: FileTransfer): void {
    const index = this.#waiting.findIndex((each) => each.transfer === transfer);
    if (index >= 0) this.#waiting.splice(index, 1);
    this.#outgoing.delete(transfer.id);
    this.#options.pipe.removeSource(transfer);
    this.#startWaiting();
  }

  #control(control: FileControl): void {
    this.#options.pipe.sendControl(encodeControl(control));
  }
}
