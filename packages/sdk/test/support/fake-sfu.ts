/** The SFU as a model: answers offers with a modelled RTCPeerConnection of its own, keeps publications, moves members to newer transports. */

import { deflateRawSync, inflateRawSync } from "node:zlib";
import type {
  Publication,
  ServerCounted,
  SfuControlEvent,
  SfuControlRequest,
  SfuOffer,
  SfuReceive,
  SfuWish,
  UpdatePublication,
} from "@tsunagi/protocol";
import type { Compression } from "../../src/core/ports.ts";
import { FakeHost } from "./fake-host.ts";
import type { FakeChannel } from "./fake-media.ts";
import type { FakeNetwork, FakePeerConnection } from "./fake-webrtc.ts";

export type FakeTransport = {
  readonly epoch: number;
  /** Ours. */
  readonly pc: FakePeerConnection;
  /** The member's. */
  readonly theirs: FakePeerConnection;
  receive: readonly SfuReceive[];
};

type MemberState = { readonly transports: FakeTransport[]; own: Map<string, Publication> };
type Tell = (peerId: string, message: ServerCounted) => void;

/** That of browsers takes real time. */
export const compression: Compression = {
  deflate: async (text) => deflateRawSync(text).toString("base64"),
  inflate: async (base64) => inflateRawSync(Buffer.from(base64, "base64")).toString(),
};

export class FakeSfu {
  readonly #network: FakeNetwork;
  readonly host = new FakeHost("sfu");
  readonly members = new Map<string, MemberState>();
  readonly offers: { readonly peerId: string; readonly offer: SfuOffer }[] = [];
  /** Of each as it was sent. */
  readonly lengths: number[] = [];
  /** Wishes told over control channels, oldest first. */
  readonly wishes: { readonly peerId: string; readonly wish: SfuWish }[] = [];
  readonly lastN: (number | null)[] = [];
  /** Refuses an offer with this code. */
  refuse: (peerId: string, offer: SfuOffer) => string | undefined = () => undefined;

  constructor(network: FakeNetwork) {
    this.#network = network;
  }

  publicationsFor(peerId: string): Publication[] {
    return [...this.members].filter(([id]) => id !== peerId).flatMap(([, { own }]) => [...own.values()]);
  }

  transport(peerId: string): FakeTransport | undefined {
    return this.members.get(peerId)?.transports.at(-1);
  }

  /** What the member gets now, by mid. */
  slots(peerId: string): ReadonlyMap<string, string | null> {
    const slots = new Map((this.transport(peerId)?.receive ?? []).map(({ mid, publication }) => [mid, publication]));
    return slots;
  }

  async offer(peerId: string, sent: SfuOffer, others: () => readonly string[], tell: Tell): Promise<void> {
    const deflated = sent.sdpDeflate !== undefined;
    const offer = deflated ? { ...sent, sdp: await compression.inflate(sent.sdpDeflate ?? "") } : sent;
    this.offers.push({ peerId, offer });
    this.lengths.push(JSON.stringify(sent).length);
    const { id: re, room, epoch } = offer;
    const code = this.refuse(peerId, offer);
    if (code !== undefined) {
      tell(peerId, { type: "error", code, message: code, re, room });
      return;
    }
    const state = this.members.get(peerId) ?? { transports: [], own: new Map() };
    this.members.set(peerId, state);
    let transport = state.transports.find((each) => each.epoch === epoch);
    if (transport === undefined) {
      const pc = this.#network.factory(this.host).create({}) as FakePeerConnection;
      const { ufrag } = JSON.parse(offer.sdp) as { ufrag: string };
      const theirs = this.#network.byUfrag(ufrag);
      if (theirs === undefined) return;
      // The client checks, and its address is learnt from that.
      pc.remoteCandidates.add(theirs.address);
      transport = { epoch, pc, theirs, receive: [] };
      state.transports.push(transport);
      for (const channel of theirs.channels) channel.onSend = (text) => this.#sent(peerId, channel, text, others, tell);
    }
    transport.receive = offer.receive;
    const { pc } = transport;
    const address = [...pc.remoteCandidates];
    await pc.setRemoteDescription({ type: "offer", sdp: offer.sdp });
    for (const each of address) pc.remoteCandidates.add(each);
    for (const transceiver of pc.getTransceivers()) transceiver.direction = "sendrecv";
    await pc.setLocalDescription();
    // All candidates are in the answer.
    while (pc.iceGatheringState !== "complete") await this.#network.wait(5);
    const { sdp = "" } = pc.localDescription ?? {};
    const answer = deflated ? { sdp: "", sdpDeflate: await compression.deflate(sdp) } : { sdp };
    tell(peerId, { type: "sfu-answer", re, room, epoch, ...answer });
    const next = new Map(offer.send.map(({ publication: id, mid: _, ...rest }) => [id, { id, peerId, ...rest } as Publication]));
    for (const [id, publication] of next) {
      const before = state.own.get(id);
      if (JSON.stringify(before) === JSON.stringify(publication)) continue;
      const type = before === undefined ? "published" : "publication-updated";
      for (const other of others()) tell(other, { type, room, publication });
    }
    for (const id of state.own.keys()) {
      if (!next.has(id)) for (const other of others()) tell(other, { type: "unpublished", room, publication: id });
    }
    state.own = next;
  }

  update(peerId: string, message: UpdatePublication, others: () => readonly string[], tell: Tell): void {
    const own = this.members.get(peerId)?.own;
    const before = own?.get(message.publication);
    if (own === undefined || before === undefined) return;
    const publication = { ...before, muted: message.muted ?? before.muted };
    own.set(publication.id, publication);
    tell(peerId, { type: "done", re: message.id });
    for (const other of others()) tell(other, { type: "publication-updated", room: message.room, publication });
  }

  /** Over the control channel of the member's latest transport. */
  say(peerId: string, event: SfuControlEvent): void {
    const channel = this.transport(peerId)?.theirs.channels.find(({ label }) => label === "tsunagi.control");
    channel?.fire("message", { data: JSON.stringify(event) });
  }

  leave(peerId: string): void {
    for (const { pc } of this.members.get(peerId)?.transports ?? []) pc.close();
    this.members.delete(peerId);
  }

  /** A worker dies: its transports are silent from now on. */
  kill(peerId: string): void {
    for (const { pc } of this.members.get(peerId)?.transports ?? []) pc.close();
  }

  #sent(peerId: string, channel: FakeChannel, text: string, others: () => readonly string[], tell: Tell): void {
    void tell;
    if (channel.label !== "tsunagi.control") {
      const { topic, data, to } = JSON.parse(text) as { topic: string; data: never; to?: string[] };
      for (const other of to ?? others()) {
        const theirs = this.transport(other)?.theirs.channels.find(({ label }) => label === channel.label);
        theirs?.fire("message", { data: JSON.stringify({ topic, data, from: peerId }) });
      }
      return;
    }
    const request = JSON.parse(text) as SfuControlRequest;
    if (request.type === "last-n") {
      this.lastN.push(request.n);
      return;
    }
    const transport = this.transport(peerId);
    for (const wish of request.slots) {
      this.wishes.push({ peerId, wish });
      if (transport === undefined || wish.publication === undefined) continue;
      const publication = wish.publication;
      transport.receive = transport.receive.map((each) => (each.mid === wish.mid ? { ...each, publication } : each));
    }
  }
}
