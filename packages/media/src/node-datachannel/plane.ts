/** The first data plane: libdatachannel (through node-datachannel) as a raw ICE, DTLS and SRTP transport, all clients on one UDP socket. */
import { randomBytes } from "node:crypto";
import { networkInterfaces } from "node:os";
import { CodedError, type Log } from "@tsunagi/base";
import type { SendList } from "@tsunagi/rtp";
import { IceUdpMuxListener } from "node-datachannel";
import type {
  LocalCandidate,
  MediaPlane,
  MediaTransport,
  PlaneListener,
  PlaneOptions,
  PreparedTransport,
  RemoteParameters,
} from "../port.ts";
import { hostCandidates } from "./candidates.ts";
import { createCertificate } from "./certificate.ts";
import { freePort } from "./free-port.ts";
import { syntheticAnswer, syntheticOffer } from "./synthetic-offer.ts";
import { MAX_MESSAGE_SIZE, NativeTransport, type OwnCredentials, SCTP_PORT, type TransportOwner } from "./transport.ts";

/** Packets of one burst at most; what comes on top makes the next one. */
const MAX_BURST = 1_024;
/** RFC 8839 §5.4: at least 24 and 128 bits of randomness, 6 bits a character. */
const UFRAG_LENGTH = 8;
const PASSWORD_LENGTH = 24;

/**
 * Opens the port.
 *
 * @throws {CodedError} `media.plane.port`
 */
export async function createPlane(options: PlaneOptions, listener: PlaneListener): Promise<MediaPlane> {
  if (options.iceTcp === true) {
    options.log.info({}, "this data plane has no ICE-TCP: clients behind firewalls that pass TCP only come by TURN");
  }
  const port = await freePort(options.port, options.address);
  return new NativePlane(port, options, listener);
}

class NativePlane implements MediaPlane {
  readonly port: number;
  readonly #log: Log;
  readonly #address: string | undefined;
  readonly #listener: PlaneListener;
  readonly #candidates: () => readonly LocalCandidate[];
  /** Keeps the socket open while no client is there; the library opens it with the first and closes it with the last. */
  readonly #socket: IceUdpMuxListener;
  readonly #transports: (NativeTransport | undefined)[] = [];
  /** Indexes of ended transports, to be used again. */
  readonly #free: number[] = [];
  readonly #owner: TransportOwner;
  readonly #counters: Record<string, number> = {};
  readonly #from = new Int32Array(MAX_BURST);
  readonly #packets: Uint8Array[] = [];
  #burst = 0;
  #scheduled = false;
  #closed = false;
  #whenEmpty: (() => void) | undefined;

  constructor(port: number, options: PlaneOptions, listener: PlaneListener) {
    this.port = port;
    this.#log = options.log;
    this.#address = options.address;
    this.#listener = listener;
    const announced = options.announcedAddresses ?? [];
    // Read anew for each client: a machine's addresses change.
    this.#candidates = () => hostCandidates(networkInterfaces(), port, options.address, announced);
    try {
      this.#socket = new IceUdpMuxListener(port, options.address);
    } catch (cause) {
      throw new CodedError("media.plane.port", `UDP port ${port} cannot be opened.`, {
        cause,
        remedy: "End what holds it, or choose another port or address for the SFU.",
      });
    }
    this.#owner = {
      onPacket: (index, packet) => this.#onPacket(index, packet),
      onState: (index, state) => this.#inTurn(() => listener.onState(index, state)),
      onDataChannel: (index, channel) => listener.onDataChannel(index, channel),
      onData: (index, channel, message) => listener.onData(index, channel, message),
      onDataClosed: (index, channel) => listener.onDataClosed(index, channel),
      onGone: (transport) => this.#onGone(transport),
      count: (reason) => this.#count(reason),
    };
  }

  get counters(): Readonly<Record<string, number>> {
    return this.#counters;
  }

  async open(remote: RemoteParameters): Promise<MediaTransport> {
    return this.#make(syntheticOffer(remote));
  }

  prepare(): PreparedTransport {
    if (this.#closed) throw closed();
    // One each: a client begins DTLS anew only where the fingerprint is another one (RFC 8842 §4).
    const certificate = createCertificate("tsunagi", Date.now());
    const own = { iceUfrag: iceText(UFRAG_LENGTH), icePwd: iceText(PASSWORD_LENGTH), certificate };
    let accepted = false;
    return {
      local: {
        iceUfrag: own.iceUfrag,
        icePwd: own.icePwd,
        fingerprint: { algorithm: "sha-256", value: certificate.fingerprint },
        setup: "actpass",
        candidates: this.#candidates(),
        sctpPort: SCTP_PORT,
        maxMessageSize: MAX_MESSAGE_SIZE,
      },
      accept: (remote) => {
        const answer = syntheticAnswer(remote);
        if (accepted) throw new CodedError("media.transport.failed", "This transport has been answered.");
        accepted = true;
        return this.#make(answer, own);
      },
    };
  }

  #make(description: string, own?: OwnCredentials): NativeTransport {
    if (this.#closed) throw closed();
    const index = this.#free.pop() ?? this.#transports.length;
    // A transport that fails from here on keeps its index: its native side may still tell something under it.
    this.#transports[index] = undefined;
    const socket = { port: this.port, address: this.#address };
    const transport = new NativeTransport(index, description, socket, this.#candidates(), this.#owner, own);
    this.#transports[index] = transport;
    return transport;
  }

  flush(list: SendList): void {
    const { transport: to } = list;
    for (let at = 0; at < list.length; at++) {
      const transport = this.#transports[to[at] ?? -1];
      const failed = transport === undefined ? "closed" : transport.send(list.bytes(at));
      if (failed !== undefined) this.#count(failed);
    }
  }

  sendRtcp(index: number, packet: Uint8Array): void {
    const failed = this.#transports[index]?.send(packet) ?? undefined;
    if (failed !== undefined) this.#count(`rtcp-${failed}`);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const gone = new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
    });
    for (const transport of this.#transports) transport?.close();
    if (this.#transports.every((transport) => transport === undefined)) this.#whenEmpty?.();
    await gone;
    this.#socket.stop();
  }

  #onPacket(index: number, packet: Uint8Array): void {
    this.#from[this.#burst] = index;
    this.#packets[this.#burst] = packet;
    this.#burst++;
    if (this.#burst === MAX_BURST) this.#deliver();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      // All sockets' packets of this turn of the event loop have arrived by then.
      setImmediate(() => {
        this.#scheduled = false;
        this.#deliver();
      });
    }
  }

  #deliver(): void {
    const count = this.#burst;
    if (count === 0) return;
    this.#burst = 0;
    this.#listener.onBurst(this.#from, this.#packets, count);
  }

  /** States also change within a call of ours (`close`), but the listener is told from a turn of its own. */
  #inTurn(tell: () => void): void {
    setImmediate(tell);
  }

  #onGone(transport: NativeTransport): void {
    if (this.#transports[transport.index] === transport) {
      // Once: it may be told twice.
      this.#transports[transport.index] = undefined;
      this.#free.push(transport.index);
    }
    if (this.#closed && this.#transports.every((each) => each === undefined)) this.#whenEmpty?.();
  }

  #count(reason: string): void {
    this.#counters[reason] = (this.#counters[reason] ?? 0) + 1;
    if (reason === "refused" && this.#counters[reason] === 1) {
      this.#log.warn({}, "a packet was refused by SRTP: its sequence number went back too far");
    }
  }
}

/** RFC 8839 §5.4: ice-char is what base64 is made of. */
const iceText = (length: number): string => randomBytes(length).toString("base64").slice(0, length);

const closed = (): CodedError => new CodedError("media.plane.closed", "The data plane is closed.");
