/** What the SFU node is started with, and what it gives back. */
import type { Log } from "@tsunagi/base";
import type { Bus, NodeId } from "@tsunagi/conference";

export type SfuLimits = {
  /** Sections in which one member receives. */
  readonly slotsPerMember: number;
  /** Members of all rooms, on one worker. */
  readonly membersPerWorker: number;
  /** Messages and bytes a second of one member on each of its data channels; twice as much at once. */
  readonly dataMessages: number;
  readonly dataBytes: number;
};

export const DEFAULT_SFU_LIMITS: SfuLimits = {
  slotsPerMember: 256,
  membersPerWorker: 2_000,
  dataMessages: 500,
  dataBytes: 2_000_000,
};

export type SfuOptions = {
  readonly bus: Bus;
  /** Name on the bus, unique among all nodes. */
  readonly node: NodeId;
  readonly log: Log;
  /** Processes; 0: one for each core, at most eight. Default 0. */
  readonly workers?: number | undefined;
  /** UDP port of the first worker; the others have those that follow. 0: any free ones. Default 44300. */
  readonly port?: number | undefined;
  /** Local address to bind. Default: all. */
  readonly address?: string | undefined;
  /** Told to clients instead of the machine's own (1:1 NAT). */
  readonly announcedAddresses?: readonly string[] | undefined;
  readonly limits?: Partial<SfuLimits> | undefined;
  /** Share of a core, 0 to 1, from which on a worker takes no further members while another has less. Default 0.7. */
  readonly loadMark?: number | undefined;
};

/** As the signalling server's metrics take them. */
export type SfuMetric = {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly label: string | undefined;
  read(): Iterable<readonly [value: string, count: number]>;
};

export type RunningSfu = {
  readonly node: NodeId;
  /** UDP ports, one for each worker. */
  readonly ports: readonly number[];
  readonly metrics: readonly SfuMetric[];
  /** Workers and where rooms are. */
  dump(): SfuPoolDump;
  /** No new rooms; those that live go on. */
  drain(): void;
  /** Ends everything. Idempotent. */
  close(): Promise<void>;
};

export type SfuPoolDump = {
  /** Whether a process waits to take the place of a worker that ends. */
  readonly hasSpare: boolean;
  readonly workers: readonly {
    readonly id: number;
    readonly state: string;
    readonly pid: number | undefined;
    readonly port: number;
    readonly restarts: number;
    readonly members: number;
    readonly rooms: number;
    readonly load: number;
  }[];
  readonly rooms: readonly {
    readonly appId: string;
    readonly room: string;
    readonly workers: readonly number[];
    readonly members: number;
  }[];
};
