/**
 * For whoever runs the machine, to look for faults: what a worker forwards, as it leaves for SRTP, in rtpdump's format (which Wireshark opens), one
 * file for each SSRC that is sent. A plane around another one. Nothing reaches it over the network; it is there only where the process is started with
 * a folder to write to.
 */
import { createWriteStream, mkdirSync, type WriteStream } from "node:fs";
import { join } from "node:path";
import type { MediaPlane, PreparedTransport, RemoteParameters } from "@tsunagi/media";
import { put16, put32, type SendList } from "@tsunagi/rtp";

/** Of one worker in all: the disk shall not be full because someone forgot it. */
const MAX_BYTES = 512_000_000;
const MAX_FILES = 1_000;
/** What a slow disk may have waiting, of one file. */
const MAX_WAITING = 8_000_000;
const HEADER = 8;

export type ForwardDumpOptions = {
  readonly folder: string;
  /** Before the names of files: several workers may write to one folder. */
  readonly name: string;
  readonly now: () => number;
  readonly maxBytes?: number;
};

export class ForwardDump implements MediaPlane {
  readonly #plane: MediaPlane;
  readonly #options: ForwardDumpOptions;
  readonly #files = new Map<string, WriteStream>();
  readonly #startedAt: number;
  #left: number;
  /** Packets that were sent and not written. */
  #omitted = 0;

  constructor(plane: MediaPlane, options: ForwardDumpOptions) {
    this.#plane = plane;
    this.#options = options;
    this.#startedAt = options.now();
    this.#left = options.maxBytes ?? MAX_BYTES;
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  }

  get port(): number {
    return this.#plane.port;
  }

  get counters(): Readonly<Record<string, number>> {
    return this.#omitted === 0 ? this.#plane.counters : { ...this.#plane.counters, "dump-omitted": this.#omitted };
  }

  open(remote: RemoteParameters) {
    return this.#plane.open(remote);
  }

  prepare(): PreparedTransport {
    return this.#plane.prepare();
  }

  flush(list: SendList): void {
    for (let at = 0; at < list.length; at++) this.#write(list.transport[at] ?? 0, list.ssrc[at] ?? 0, list.bytes(at));
    this.#plane.flush(list);
  }

  sendRtcp(index: number, packet: Uint8Array): void {
    this.#plane.sendRtcp(index, packet);
  }

  async close(): Promise<void> {
    await this.#plane.close();
    await Promise.all([...this.#files.values()].map((file) => new Promise<void>((resolve) => file.end(() => resolve()))));
  }

  #write(transport: number, ssrc: number, packet: Uint8Array): void {
    const length = HEADER + packet.length;
    const file = length <= this.#left ? this.#file(transport, ssrc) : undefined;
    if (file === undefined || file.writableLength > MAX_WAITING) {
      this.#omitted++;
      return;
    }
    this.#left -= length;
    const record = new Uint8Array(length);
    put16(record, 0, length);
    put16(record, 2, packet.length);
    put32(record, 4, Math.round(this.#options.now() - this.#startedAt));
    // A copy: the next receiver's is written over the same bytes.
    record.set(packet, HEADER);
    file.write(record);
  }

  #file(transport: number, ssrc: number): WriteStream | undefined {
    const { folder, name } = this.#options;
    const path = join(folder, `${name}-${transport}-${ssrc.toString(16)}.rtpdump`);
    const known = this.#files.get(path);
    if (known !== undefined || this.#files.size >= MAX_FILES) return known;
    const file = createWriteStream(path, { mode: 0o600 });
    // A disk that is full ends the file, not the worker.
    file.on("error", () => {
      this.#left = 0;
    });
    // The time and address of the source are not told.
    file.write("#!rtpplay1.0 0.0.0.0/0\n");
    file.write(new Uint8Array(16));
    this.#files.set(path, file);
    return file;
  }
}
