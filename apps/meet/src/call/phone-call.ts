/** One answered telephone call, with a data connection beside it for chat, files and what each side has switched on. */
import type { ConnectionStats, DataConnection, MediaConnection, Peer, TrackSink } from "../sdk.ts";
import type { LocalMedia } from "../state/local-media.ts";
import { type ShownError, toShownError } from "../text/errors.ts";
import { BaseCall, type CallTools } from "./base-call.ts";
import type { Party } from "./line.ts";
import { assignStreams } from "./streams.ts";
import { formatWireMessage, type Presence, parseMessage, type WireMessage } from "./wire.ts";

/** Label of the data connection that goes along with a call. */
export const PHONE_LABEL = "phone";

export type PhoneCallOptions = {
  readonly peer: Peer;
  readonly connection: MediaConnection;
  readonly outgoing: boolean;
  readonly party: Party;
  readonly name: string;
  readonly onName: (name: string) => void;
  readonly onEnd: (reason: string, byMe: boolean, error: ShownError | undefined) => void;
};

export class PhoneCall extends BaseCall {
  readonly kind = "phone";
  readonly title: string;
  readonly receiveOnly = false;
  readonly #options: PhoneCallOptions;
  readonly #media: LocalMedia;
  readonly #unwatch: () => void;
  #data: DataConnection | undefined;
  #presence: Presence | undefined;
  #announced = "";
  #error: ShownError | undefined;

  constructor(tools: CallTools, media: LocalMedia, options: PhoneCallOptions) {
    super(tools);
    const { connection, outgoing, party, peer } = options;
    this.#options = options;
    this.#media = media;
    this.title = party.name === "" ? party.id : party.name;
    this.store.set({
      phase: "live",
      participants: [
        {
          id: party.id,
          name: this.title,
          link: "connecting",
          receiveOnly: false,
          ...assignStreams(connection.remoteStreams, { name: "", microphone: true, camera: true, screen: undefined }),
          microphoneOn: true,
          cameraOn: true,
          quality: undefined,
        },
      ],
    });
    connection.on("open", () => {
      this.update(party.id, { link: "connected" });
      this.store.set({ since: this.tools.now() });
    });
    connection.on("reconnecting", () => this.update(party.id, { link: "reconnecting" }));
    connection.on("reconnected", () => this.update(party.id, { link: "connected" }));
    connection.on("stream", () => this.#restream());
    connection.on("streamremoved", () => this.#restream());
    connection.on("quality", (quality) => this.update(party.id, { quality }));
    connection.on("error", (error) => {
      this.#error = toShownError(error);
      this.fail(error);
    });
    connection.on("close", (reason) => this.#end(reason, false));
    media.attach(connection);
    this.#unwatch = media.store.subscribe(() => this.announce());
    // One side opens the data connection: the caller.
    if (outgoing) this.adopt(peer.connect(party.id, { label: PHONE_LABEL, metadata: { call: connection.id } }));
  }

  /** Whether an arriving data connection belongs to this call. */
  owns(connection: DataConnection): boolean {
    return !this.#options.outgoing && connection.label === PHONE_LABEL && connection.remoteId === this.#options.party.id;
  }

  adopt(connection: DataConnection): void {
    this.#data?.close();
    this.#data = connection;
    this.files.watch(connection);
    const ready = () => {
      this.store.set({ chatOpen: true });
      this.#announced = "";
      this.announce();
    };
    if (connection.open) ready();
    else connection.on("open", ready);
    connection.on("data", (data) => {
      const message = parseMessage(data);
      if (message?.type === "chat") this.receiveChat(connection.remoteId, message);
      else if (message?.type === "presence") this.#refresh(message.presence);
    });
    connection.on("error", (error) => this.fail(error));
    connection.on("close", () => {
      if (this.#data !== connection) return;
      this.#data = undefined;
      this.store.set({ chatOpen: false });
    });
  }

  /** The way to the server, which the whole telephone shares. */
  setServerLink(attempt: number | undefined): void {
    this.store.set({ serverLink: attempt === undefined ? { state: "up" } : { state: "reconnecting", attempt } });
  }

  leave(): void {
    this.#end("hung-up", true);
  }

  async stats(): Promise<ReadonlyMap<string, ConnectionStats>> {
    return new Map([[this.#options.party.id, await this.#options.connection.getStats()]]);
  }

  protected sink(): TrackSink {
    return this.#options.connection;
  }

  protected channelTo(): DataConnection {
    if (this.#data === undefined) throw new Error("the chat is not open");
    return this.#data;
  }

  protected transmit(message: WireMessage): void {
    this.channelTo()
      .send(formatWireMessage(message))
      .catch((error: unknown) => this.fail(error));
  }

  protected announce(): void {
    if (this.#data?.open !== true) return;
    const { camera, microphone, stream } = this.#media.store.get();
    const presence: Presence = {
      name: this.#options.name,
      microphone: stream !== null && microphone === "on",
      camera: stream !== null && camera === "on",
      screen: this.store.get().screen?.id,
    };
    const text = JSON.stringify(presence);
    if (text === this.#announced) return;
    this.#announced = text;
    this.transmit({ type: "presence", presence });
  }

  #refresh(presence: Presence): void {
    const before = this.#presence;
    this.#presence = presence;
    const { id } = this.#options.party;
    this.update(id, {
      ...(presence.name === "" ? {} : { name: presence.name }),
      microphoneOn: presence.microphone,
      cameraOn: presence.camera,
    });
    this.#restream();
    if (presence.name !== "" && presence.name !== before?.name) this.#options.onName(presence.name);
    if (presence.screen !== undefined && before?.screen === undefined) {
      this.notice({ type: "share-started", id, name: this.participant(id)?.name ?? "" });
    }
  }

  #restream(): void {
    const presence = this.#presence ?? { name: "", microphone: true, camera: true, screen: undefined };
    this.update(this.#options.party.id, assignStreams(this.#options.connection.remoteStreams, presence));
  }

  #end(reason: string, byMe: boolean): void {
    if (this.store.get().phase === "ended") return;
    this.#unwatch();
    this.#media.attach(undefined);
    this.finish(reason, byMe, this.#error);
    this.#data?.close();
    if (byMe) this.#options.connection.close(reason);
    this.#options.onEnd(reason, byMe, this.#error);
  }
}
