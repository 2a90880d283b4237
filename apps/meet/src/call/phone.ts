/** The telephone: one peer for as long as the page shows it, at most one call at a time. */
import type { MediaConnection, Peer, PeerOptions } from "../sdk.ts";
import type { LocalMedia } from "../state/local-media.ts";
import type { Settings } from "../state/settings.ts";
import { Store } from "../state/store.ts";
import { appError, type ShownError, toShownError } from "../text/errors.ts";
import type { CallTools } from "./base-call.ts";
import { isBusy, type Line, type LineEvent, makePhoneId, nextLine, type Party } from "./line.ts";
import { PhoneCall } from "./phone-call.ts";
import { cleanName } from "./wire.ts";

export type PhoneServer =
  | { readonly state: "connecting" }
  | { readonly state: "ready" }
  | { readonly state: "reconnecting"; readonly attempt: number }
  | { readonly state: "failed"; readonly error: ShownError };

export type PhoneState = {
  readonly server: PhoneServer;
  readonly id: string | undefined;
  readonly line: Line;
  readonly call: PhoneCall | undefined;
};

export class Phone {
  readonly store = new Store<PhoneState>({
    server: { state: "connecting" },
    id: undefined,
    line: { at: "idle" },
    call: undefined,
  });
  readonly #tools: CallTools;
  readonly #media: LocalMedia;
  readonly #settings: Store<Settings>;
  readonly #random: (bytes: Uint8Array) => Uint8Array;
  #peer: Peer | undefined;
  #connection: MediaConnection | undefined;
  #closed = false;

  constructor(
    tools: CallTools,
    media: LocalMedia,
    settings: Store<Settings>,
    random: (bytes: Uint8Array) => Uint8Array = (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
  ) {
    this.#tools = tools;
    this.#media = media;
    this.#settings = settings;
    this.#random = random;
  }

  start(options: PeerOptions): void {
    const remembered = this.#settings.get().phoneId;
    const id = remembered ?? makePhoneId(this.#random);
    if (remembered === undefined) this.#settings.set({ phoneId: id });
    this.#open(options, id, true);
  }

  failToStart(error: ShownError): void {
    this.store.set({ server: { state: "failed", error } });
  }

  async dial(to: string, video: boolean): Promise<void> {
    const party: Party = { id: to, name: to };
    if (!this.#line({ type: "dial", party, video })) return;
    const stream = await this.#media.open({ camera: video, microphone: true });
    const { line } = this.store.get();
    if (line.at !== "preparing" || line.party !== party) return;
    const { error } = this.#media.store.get();
    if (stream === null && error !== undefined) this.#line({ type: "blocked", error });
    else this.#callOut(party, stream);
  }

  /** Calls without camera and microphone, after they did not start. */
  dialWithoutDevices(): void {
    const { line } = this.store.get();
    if (line.at === "blocked") this.#callOut(line.party, null);
  }

  async accept(video: boolean): Promise<void> {
    const connection = this.#connection;
    const { line } = this.store.get();
    if (line.at !== "incoming" || connection === undefined || this.#peer === undefined) return;
    const stream = await this.#media.open({ camera: video, microphone: true });
    // The caller may have given up while the browser asked for the devices.
    if (this.store.get().line !== line) return;
    const call = this.#begin(this.#peer, connection, line.party, false);
    this.#line({ type: "accept", video });
    this.store.set({ call });
    connection.answer(stream);
  }

  reject(): void {
    if (this.store.get().line.at !== "incoming") return;
    const connection = this.#connection;
    this.#ended("declined", true, false);
    connection?.reject("declined");
  }

  /** Gives up a call that was not answered yet. */
  cancel(): void {
    const connection = this.#connection;
    if (this.store.get().line.at === "blocked") {
      this.#line({ type: "dismiss" });
      return;
    }
    this.#ended("cancelled", true, true);
    connection?.close("cancelled");
  }

  dismiss(): void {
    this.#line({ type: "dismiss" });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.store.get().call?.leave();
    this.#connection?.close("hung-up");
    this.#peer?.destroy();
    this.#media.close();
  }

  #open(options: PeerOptions, id: string, retry: boolean): void {
    let peer: Peer;
    try {
      peer = this.#tools.sdk.createPeer({ ...options, id });
    } catch (error) {
      this.failToStart(toShownError(error));
      return;
    }
    this.#peer = peer;
    let lastError: ShownError | undefined;
    peer.on("open", (own) => this.store.set({ server: { state: "ready" }, id: own }));
    peer.on("reconnecting", ({ attempt }) => {
      this.store.set({ server: { state: "reconnecting", attempt } });
      this.store.get().call?.setServerLink(attempt);
    });
    peer.on("reconnected", () => {
      this.store.set({ server: { state: "ready" } });
      this.store.get().call?.setServerLink(undefined);
    });
    peer.on("call", (connection) => this.#ring(connection));
    peer.on("connection", (connection) => {
      const { call } = this.store.get();
      if (call?.owns(connection) === true) call.adopt(connection);
      else connection.close();
    });
    peer.on("error", (error) => {
      lastError = toShownError(error);
    });
    peer.on("close", () => {
      if (this.#closed) return;
      // Another tab may be the telephone already: this one takes a number of its own for the visit.
      if (retry && lastError?.code === "peer.id.taken") {
        this.#open(options, makePhoneId(this.#random), false);
        return;
      }
      this.failToStart(lastError ?? appError("meet.connection.closed", "the connection to the server ended"));
    });
  }

  #ring(connection: MediaConnection): void {
    if (isBusy(this.store.get().line)) {
      connection.reject("busy");
      return;
    }
    this.#connection = connection;
    const { metadata, remoteId } = connection;
    const name =
      typeof metadata === "object" && metadata !== null && "name" in metadata && typeof metadata.name === "string"
        ? cleanName(metadata.name)
        : "";
    this.#line({ type: "ring", party: { id: remoteId, name: name === "" ? remoteId : name } });
    connection.on("close", (reason) => this.#closedBeforeAnswer(connection, reason, undefined));
  }

  #callOut(party: Party, stream: MediaStream | null): void {
    const peer = this.#peer;
    if (peer === undefined) return;
    this.#line({ type: "dialed" });
    let connection: MediaConnection;
    try {
      connection = peer.call(party.id, stream, { metadata: { name: this.#settings.get().name } });
    } catch (error) {
      this.#ended("failed", false, true, toShownError(error));
      return;
    }
    this.#connection = connection;
    let lastError: ShownError | undefined;
    connection.on("answered", () => {
      if (this.#connection !== connection || !this.#line({ type: "answered" })) return;
      this.store.set({ call: this.#begin(peer, connection, party, true) });
    });
    connection.on("error", (error) => {
      lastError = toShownError(error);
    });
    connection.on("close", (reason) => this.#closedBeforeAnswer(connection, reason, lastError));
  }

  #begin(peer: Peer, connection: MediaConnection, party: Party, outgoing: boolean): PhoneCall {
    const { name } = this.#settings.get();
    return new PhoneCall(this.#tools, this.#media, {
      peer,
      connection,
      outgoing,
      party,
      name,
      onName: (name) => this.#line({ type: "named", name }),
      onEnd: (reason, byMe, error) => {
        this.#ended(reason, byMe, outgoing, error);
      },
    });
  }

  #closedBeforeAnswer(connection: MediaConnection, reason: string, error: ShownError | undefined): void {
    // Answered calls tell their end themselves.
    if (this.#connection !== connection || this.store.get().call !== undefined) return;
    this.#ended(reason, false, this.store.get().line.at === "dialing", error);
  }

  #ended(reason: string, byMe: boolean, outgoing: boolean, error?: ShownError): void {
    const durationMs = this.store.get().call?.store.get().end?.durationMs ?? 0;
    this.#connection = undefined;
    this.store.set({ call: undefined });
    this.#line({ type: "end", outgoing, end: { reason, byMe, error, durationMs } });
    this.#media.close();
  }

  /** Whether the event fitted. */
  #line(event: LineEvent): boolean {
    const { line } = this.store.get();
    const next = nextLine(line, event);
    this.store.set({ line: next });
    return next !== line;
  }
}
