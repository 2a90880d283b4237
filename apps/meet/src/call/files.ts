/** Files in both directions, kept in the chat's list. Each receiver gets a transfer of their own and answers for themselves. */
import type { DataConnection, FileTransfer, IncomingFile } from "../sdk.ts";
import { appError, toShownError } from "../text/errors.ts";
import { addItem, type ChatItem, type Delivery, type FileProgress, type IncomingState, updateFile } from "./chat.ts";
import type { Notice } from "./model.ts";

export type Receiver = { readonly id: string; readonly name: string };

export type FilesHost = {
  now(): number;
  newId(): string;
  /** A data connection to that peer, made when there is none. */
  channelTo(peerId: string): DataConnection;
  nameOf(peerId: string): string;
  updateChat(change: (items: readonly ChatItem[]) => readonly ChatItem[]): void;
  notice(notice: Notice): void;
};

const FILES_AT_ONCE = 10;
const FILE_NAME_LENGTH = 255;

export class Files {
  readonly #host: FilesHost;
  readonly #outgoing = new Map<string, FileTransfer[]>();
  readonly #incoming = new Map<string, IncomingFile>();
  readonly #urls = new Set<string>();

  constructor(host: FilesHost) {
    this.#host = host;
  }

  send(files: readonly File[], receivers: readonly Receiver[]): void {
    if (files.length > FILES_AT_ONCE) {
      this.#host.notice({ type: "error", error: appError("meet.file.too-many", `at most ${FILES_AT_ONCE}`) });
      return;
    }
    if (receivers.length === 0) {
      this.#host.notice({ type: "error", error: appError("meet.file.nobody", "nobody is here") });
      return;
    }
    for (const file of files) this.#sendOne(file, receivers);
  }

  /** Takes the files that come over this connection. */
  watch(connection: DataConnection): void {
    connection.on("file", (file) => this.#offered(connection.remoteId, file));
  }

  accept(id: string): void {
    this.#incoming.get(id)?.accept();
    this.#setIncoming(id, { state: "receiving" });
  }

  decline(id: string): void {
    this.#incoming.get(id)?.reject();
    this.#incoming.delete(id);
    this.#setIncoming(id, { state: "declined" });
  }

  cancel(id: string): void {
    for (const transfer of this.#outgoing.get(id) ?? []) transfer.cancel();
    this.#incoming.get(id)?.cancel();
  }

  /** Ends what is under way and frees what was received. */
  close(): void {
    for (const transfers of this.#outgoing.values()) for (const transfer of transfers) transfer.cancel();
    for (const file of this.#incoming.values()) file.cancel();
    this.#outgoing.clear();
    this.#incoming.clear();
    for (const url of this.#urls) URL.revokeObjectURL(url);
    this.#urls.clear();
  }

  #sendOne(file: File, receivers: readonly Receiver[]): void {
    const id = this.#host.newId();
    const to: Record<string, Delivery> = {};
    for (const { id: peerId, name } of receivers) to[peerId] = { name, state: "waiting", sent: 0 };
    this.#host.updateChat((items) =>
      addItem(items, {
        type: "file",
        id,
        at: this.#host.now(),
        from: undefined,
        name: file.name,
        size: file.size,
        progress: { direction: "out", to, bytesPerSecond: 0 },
      }),
    );
    const transfers: FileTransfer[] = [];
    this.#outgoing.set(id, transfers);
    for (const { id: peerId } of receivers) {
      try {
        transfers.push(this.#transfer(id, peerId, file));
      } catch (error) {
        this.#setDelivery(id, peerId, { state: "failed" });
        this.#host.notice({ type: "error", error: toShownError(error) });
      }
    }
  }

  #transfer(id: string, peerId: string, file: File): FileTransfer {
    const transfer = this.#host.channelTo(peerId).sendFile(file, { name: file.name });
    let rejected = false;
    transfer.on("progress", ({ sent, bytesPerSecond }) => {
      this.#setDelivery(id, peerId, { state: transfer.state === "paused" ? "paused" : "sending", sent }, bytesPerSecond);
    });
    transfer.on("done", () => this.#setDelivery(id, peerId, { state: "done", sent: file.size }));
    transfer.on("cancel", (by) => {
      rejected = true;
      this.#setDelivery(id, peerId, (before) => ({
        state: by === "receiver" && before.state === "waiting" ? "declined" : "cancelled",
      }));
    });
    transfer.on("error", (error) => {
      if (rejected) return;
      this.#setDelivery(id, peerId, { state: "failed" });
      this.#host.notice({ type: "error", error: toShownError(error) });
    });
    return transfer;
  }

  #offered(from: string, file: IncomingFile): void {
    const id = this.#host.newId();
    const name = file.name.replace(/[\p{Cc}\p{Cf}/\\]+/gu, "_").slice(0, FILE_NAME_LENGTH) || "file";
    const sender = this.#host.nameOf(from);
    // Nothing is taken unasked.
    file.hold();
    this.#incoming.set(id, file);
    file.on("progress", ({ received, bytesPerSecond }) =>
      this.#setIncoming(id, { state: "receiving", received, bytesPerSecond }),
    );
    file.on("done", (blob) => {
      // Whatever type the sender claims, a click must only ever save it, never show it as a page of this origin.
      const url = URL.createObjectURL(new Blob([blob], { type: "application/octet-stream" }));
      this.#urls.add(url);
      this.#incoming.delete(id);
      this.#setIncoming(id, { state: "done", received: file.size, url });
    });
    file.on("cancel", () => this.#endIncoming(id, "cancelled"));
    file.on("error", (error) => {
      this.#endIncoming(id, "failed");
      this.#host.notice({ type: "error", error: toShownError(error) });
    });
    this.#host.updateChat((items) =>
      addItem(items, {
        type: "file",
        id,
        at: this.#host.now(),
        from: { id: from, name: sender },
        name,
        size: file.size,
        progress: { direction: "in", state: "offered", received: 0, bytesPerSecond: 0, url: undefined },
      }),
    );
    this.#host.notice({ type: "file", id: from, name: sender, file: name });
  }

  #endIncoming(id: string, state: IncomingState): void {
    this.#incoming.delete(id);
    this.#setIncoming(id, (before) => (before.state === "done" || before.state === "declined" ? {} : { state }));
  }

  #setIncoming(id: string, patch: Partial<Incoming> | ((before: Incoming) => Partial<Incoming>)): void {
    this.#host.updateChat((items) =>
      updateFile(items, id, (progress) =>
        progress.direction === "in" ? { ...progress, ...(typeof patch === "function" ? patch(progress) : patch) } : progress,
      ),
    );
  }

  #setDelivery(
    id: string,
    peerId: string,
    patch: Partial<Delivery> | ((before: Delivery) => Partial<Delivery>),
    bytesPerSecond?: number,
  ): void {
    this.#host.updateChat((items) =>
      updateFile(items, id, (progress) => {
        const before = progress.direction === "out" ? progress.to[peerId] : undefined;
        if (progress.direction !== "out" || before === undefined) return progress;
        const delivery = { ...before, ...(typeof patch === "function" ? patch(before) : patch) };
        return {
          ...progress,
          bytesPerSecond: bytesPerSecond ?? progress.bytesPerSecond,
          to: { ...progress.to, [peerId]: delivery },
        };
      }),
    );
  }
}

type Incoming = Extract<FileProgress, { direction: "in" }>;
