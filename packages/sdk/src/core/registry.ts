/** All connections of a peer, by remote peer and connection ID: makes their links, routes what arrives, ends them. */
import type { CodedError } from "@tsunagi/base";
import type {
  ClientCounted,
  ConnectionKind,
  EndReason,
  ErrorMessage,
  Framing,
  HeldConnection,
  Inbound,
  OfferBody,
  RelayBody,
} from "@tsunagi/protocol";
import { asCoded, sdkError, serverError } from "./errors.ts";
import type { ForeignModule } from "./foreign/index.ts";
import { PeerLink } from "./link/peer-link.ts";
import type { PeerConnectionConfig, Platform } from "./ports.ts";

/** A peer that comes back after a restart of the server needs a moment. */
const REPEAT_AFTER_MS = 2_000;

/** Who a connection belongs to: a call, a data connection or a room. */
export type ConnectionOwner = {
  readonly remoteAnswered?: () => void;
  readonly remoteRejected?: (reason: EndReason) => void;
  readonly failed: (error: CodedError) => void;
  /** The other end turned out to be of another client library. */
  readonly foreign?: (module: ForeignModule) => void;
  /** The connection is over; the link is closed after this. */
  readonly ownerClosed: (reason: EndReason) => void;
};

export type Entry = {
  readonly id: string;
  readonly remoteId: string;
  readonly kind: ConnectionKind;
  readonly room: string | undefined;
  readonly outgoing: boolean;
  readonly link: PeerLink;
  established: boolean;
  /** Set right after the link was made: owners need it to be made themselves. */
  owner: ConnectionOwner | undefined;
};

export type EntryInit = {
  readonly id: string;
  readonly remoteId: string;
  readonly kind: ConnectionKind;
  readonly room?: string | undefined;
  readonly outgoing: boolean;
  readonly framing?: Framing | undefined;
  readonly trickle: boolean;
  readonly config: () => PeerConnectionConfig;
  readonly firstOfferFields?: Partial<OfferBody>;
};

export type RegistryHost = {
  readonly platform: Platform;
  readonly send: (message: ClientCounted) => void;
  readonly signalOpen: () => boolean;
  readonly probe: () => Promise<boolean>;
};

export class ConnectionRegistry {
  readonly #host: RegistryHost;
  readonly #entries = new Map<string, Map<string, Entry>>();
  readonly #cancels = new Set<() => void>();

  constructor(host: RegistryHost) {
    this.#host = host;
  }

  create(init: EntryInit): Entry {
    const { platform, send, signalOpen, probe } = this.#host;
    const { id, remoteId, kind, room, outgoing } = init;
    const link = new PeerLink({
      platform,
      connection: id,
      // Other libraries give way themselves.
      polite: !outgoing && init.framing === undefined,
      trickle: init.trickle,
      config: init.config,
      offerFields: room === undefined ? { kind } : { kind, room },
      firstOfferFields: init.firstOfferFields ?? {},
      // `to` comes second: the server readdresses such a message without building it again.
      send: ({ type, ...body }) => {
        try {
          send({ type, to: remoteId, ...body } as ClientCounted);
        } catch (error) {
          this.#fail(entry, error as CodedError);
        }
      },
      signalOpen,
      probe,
    });
    link.framing = init.framing;
    const entry: Entry = { id, remoteId, kind, room, outgoing, link, established: false, owner: undefined };
    link.on("failed", (why) => this.#fail(entry, transportFailed(why)));
    let ofPeer = this.#entries.get(remoteId);
    if (ofPeer === undefined) {
      ofPeer = new Map();
      this.#entries.set(remoteId, ofPeer);
    }
    ofPeer.set(id, entry);
    return entry;
  }

  find(remoteId: string, id: string): Entry | undefined {
    return this.#entries.get(remoteId)?.get(id);
  }

  all(): readonly Entry[] {
    return [...this.#entries.values()].flatMap((ofPeer) => [...ofPeer.values()]);
  }

  /** This side ends it: tells the other. The owner has closed itself or does so now. Idempotent. */
  end(entry: Entry, reason: EndReason): void {
    if (!this.#has(entry)) return;
    this.#host.send({ type: "hangup", to: entry.remoteId, connection: entry.id, reason });
    this.drop(entry);
  }

  /** This side refuses what was offered to it. */
  refuse(entry: Entry, reason: EndReason): void {
    if (!this.#has(entry)) return;
    this.#host.send({ type: "reject", to: entry.remoteId, connection: entry.id, reason });
    this.drop(entry);
  }

  /** Forgets it without telling anyone. */
  drop(entry: Entry): void {
    const ofPeer = this.#entries.get(entry.remoteId);
    if (ofPeer?.get(entry.id) === entry) {
      ofPeer.delete(entry.id);
      if (ofPeer.size === 0) this.#entries.delete(entry.remoteId);
    }
    entry.link.close();
  }

  /** A relayed message. False: an offer of a connection that is not known yet. */
  handle(body: Inbound<RelayBody>): boolean {
    const entry = this.find(body.from, body.connection);
    if (entry === undefined) return body.type !== "offer";
    switch (body.type) {
      case "hangup":
        this.#closed(entry, () => entry.owner?.ownerClosed(body.reason));
        break;
      case "reject":
        this.#closed(entry, () => entry.owner?.remoteRejected?.(body.reason));
        break;
      case "answer":
        this.#answered(entry);
        entry.link.handle(body);
        break;
      default:
        entry.link.handle(body);
    }
    return true;
  }

  /** The server refused something about a connection. False: no such connection here (any more). */
  handleError(message: ErrorMessage): boolean {
    const entries = this.all().filter((each) => each.id === message.connection);
    const entry = entries.find((each) => !each.established) ?? entries[0];
    if (entry === undefined) return false;
    const { platform } = this.#host;
    if (message.code === "connection.id.unknown" || message.code === "connection.state.invalid") {
      // Both ends acted at once, or a restarted server does not remember: whoever is right learns it by the next message.
      // Or candidates of an offer that was refused for its manner.
      platform.log[entry.established ? "warn" : "info"]({ code: message.code, connection: entry.id }, message.message);
      return true;
    }
    const { framing } = message;
    if (framing !== undefined && framing !== entry.link.framing && !entry.established) {
      this.#restartAs(entry, framing);
      return true;
    }
    if (entry.established) {
      platform.log.warn({ code: message.code, connection: entry.id }, message.message);
      this.#after(REPEAT_AFTER_MS, () => entry.link.repeat());
      return true;
    }
    this.#fail(entry, serverError(message));
    return true;
  }

  held(): readonly HeldConnection[] {
    return this.all().map(({ id, remoteId, kind, room, established, outgoing }) => ({
      connection: id,
      peer: remoteId,
      kind,
      room,
      established,
      outgoing,
    }));
  }

  signalResumed(info: { readonly restored: boolean; readonly doubtful: boolean }): void {
    for (const { link } of this.all()) link.signalResumed(info);
  }

  /** The peer ends. */
  closeAll(reason: EndReason): void {
    for (const entry of this.all()) this.#closed(entry, () => entry.owner?.ownerClosed(reason));
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }

  /** Loads what is needed for peers of other client libraries. */
  loadForeign(): Promise<ForeignModule> {
    const { loadForeign = () => import("./foreign/index.ts") } = this.#host.platform;
    return loadForeign();
  }

  #restartAs(entry: Entry, framing: Framing): void {
    this.loadForeign().then(
      (module) => {
        if (!this.#has(entry)) return;
        entry.link.framing = framing;
        entry.owner?.foreign?.(module);
        entry.link.offerAgain();
      },
      (error: unknown) => this.#fail(entry, asCoded(error, "connection.code.unreachable")),
    );
  }

  #has(entry: Entry): boolean {
    return this.find(entry.remoteId, entry.id) === entry;
  }

  #answered(entry: Entry): void {
    if (entry.established) return;
    entry.established = true;
    entry.owner?.remoteAnswered?.();
  }

  #fail(entry: Entry, error: CodedError): void {
    if (!this.#has(entry)) return;
    entry.owner?.failed(error);
    // A listener may have closed it already.
    if (!this.#has(entry)) return;
    this.#host.send({ type: "hangup", to: entry.remoteId, connection: entry.id, reason: "failed" });
    this.#closed(entry, () => entry.owner?.ownerClosed("failed"));
  }

  /** Listeners see a connection that is still whole; whatever they do, it is gone afterwards. */
  #closed(entry: Entry, tell: () => void): void {
    tell();
    this.drop(entry);
  }

  #after(delayMs: number, callback: () => void): void {
    const cancel = this.#host.platform.clock.after(delayMs, () => {
      this.#cancels.delete(cancel);
      callback();
    });
    this.#cancels.add(cancel);
  }
}

function transportFailed(why: string): CodedError {
  return sdkError("connection.transport.failed", `no connection between the two browsers: ${why}`, {
    remedy: "A TURN server that both can reach connects what no direct path does: check that one is configured and reachable.",
  });
}
