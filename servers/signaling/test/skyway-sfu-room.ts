/** One skyway-js client in an SFU room, with a client, an SFU and a core that do as the test says. */
import { type JsonValue, silentLog } from "@tsunagi/base";
import type { SfuCommand, SfuReply } from "@tsunagi/conference";
import type { Publication, ServerCounted } from "@tsunagi/protocol";
import { FakeClock, settle } from "@tsunagi/testkit";
import { makeSkywaySfuRoom } from "../src/faces/skyway/sfu/room.ts";
import type { StoredSfuRoom, Unnumbered } from "../src/faces/skyway/sfu-port.ts";

export type OfferCommand = Extract<SfuCommand, { type: "offer" }>;

export class World {
  readonly clock: FakeClock;
  readonly asked: { readonly command: OfferCommand; readonly answer: (reply: SfuReply) => void }[] = [];
  readonly left: SfuCommand[] = [];
  readonly said: Unnumbered[] = [];
  readonly emitted: { readonly event: string; readonly payload: JsonValue }[] = [];
  stored: StoredSfuRoom | undefined;
  /** Of the client's answers. */
  origin = "-";
  readonly room: ReturnType<typeof makeSkywaySfuRoom>;
  #ids = 0;

  constructor(
    options: {
      readonly restored?: StoredSfuRoom;
      readonly clock?: FakeClock;
      readonly idPrefix?: string;
      readonly isMozilla?: boolean;
    } = {},
  ) {
    this.clock = options.clock ?? new FakeClock();
    this.room = makeSkywaySfuRoom({
      session: {
        appId: "app",
        peerId: "me",
        roomName: "hall",
        say: (message) => this.said.push(message),
        emit: (event, payload) => this.emitted.push({ event, payload }),
      },
      sfu: {
        offer: (command) => new Promise((answer) => this.asked.push({ command, answer })),
        perform: (command) => this.left.push(command),
      },
      clock: this.clock,
      log: silentLog,
      newId: () => `${options.idPrefix ?? "id"}${++this.#ids}`,
      isMozilla: options.isMozilla === true,
      changed: (state) => {
        this.stored = JSON.parse(JSON.stringify(state)) as StoredSfuRoom;
      },
      ...(options.restored === undefined ? {} : { restored: options.restored }),
    });
  }

  hear(message: Partial<ServerCounted> & { type: ServerCounted["type"] }): boolean {
    return this.room.handle({ room: "hall", ...message } as ServerCounted);
  }

  joined(publications: Publication[] = [], receiveOnly = false): void {
    this.hear({ type: "joined", self: { peerId: "me", joinedAt: 0, receiveOnly }, others: [], publications } as never);
  }

  published(...publications: Publication[]): void {
    for (const publication of publications) this.hear({ type: "published", publication });
  }

  /** What the SFU was asked last, as `mid direction kind stream`. */
  get sections(): string[] {
    return (this.asked.at(-1)?.command.sections ?? []).map(({ mid, kind, direction, stream }) =>
      [mid, direction, kind, stream].filter((word) => word !== undefined).join(" "),
    );
  }

  get msids(): unknown {
    return (this.emitted.at(-1)?.payload as { msids?: unknown } | undefined)?.msids;
  }

  /** The SFU makes the offer that it was asked for. */
  async offered(): Promise<void> {
    this.asked.at(-1)?.answer({ ok: true, sdp: `offer ${this.asked.length}` });
    await settle();
  }

  /** The client answers: sends in the first two sections, unless something else is said. */
  answer(ufrag = "u", change: Readonly<Record<string, string>> = {}): void {
    const text = answerText(this.asked.at(-1)?.command.sections ?? [], ufrag, change);
    this.room.answer(text.replace("o=-", `o=${this.origin}`));
  }

  agreed(): void {
    this.hear({ type: "sfu-answer", re: this.said.length, epoch: 1, sdp: "" });
  }

  async round(ufrag = "u", change: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.offered();
    this.answer(ufrag, change);
    this.agreed();
  }

  /** In the room, with an answered first offer. */
  static async inRoom(publications: Publication[] = []): Promise<World> {
    const world = new World();
    world.joined(publications);
    world.room.getOffer();
    await world.round();
    world.clock.advance(1_000);
    return world;
  }
}

function answerText(sections: OfferCommand["sections"], ufrag: string, change: Readonly<Record<string, string>>): string {
  const lines = sections.flatMap(({ mid, kind, direction }) => [
    `m=${kind} 9 UDP/TLS/RTP/SAVPF 96`,
    `a=mid:${mid}`,
    `a=ice-ufrag:${ufrag}`,
    `a=${change[mid] ?? directionOf(mid, direction)}`,
  ]);
  return ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", ...lines, ""].join("\r\n");
}

/** A client with one track of each kind, which the first sections get. */
function directionOf(mid: string, offered: OfferCommand["sections"][number]["direction"]): string {
  if (offered === "receive" && Number(mid) < 2) return "sendonly";
  return offered === "send" || offered === "both" ? "recvonly" : "inactive";
}

export const publication = (id: string, peerId: string, kind: "audio" | "video", stream = "main"): Publication => ({
  id,
  peerId,
  kind,
  source: kind === "audio" ? "microphone" : "camera",
  stream,
  muted: false,
});
export const both = (peerId: string) => [
  publication(`${peerId}-a`, peerId, "audio"),
  publication(`${peerId}-v`, peerId, "video"),
];
