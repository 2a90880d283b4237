/** What is measured: a server that takes members and forwards what they publish. */
import type { Window } from "./pacer.ts";
import type { Scenario } from "./scenarios.ts";
import type { ClientTransport } from "./transport-client.ts";

export type Member = {
  /** May be the same connection. */
  readonly publish: ClientTransport | undefined;
  readonly receive: ClientTransport | undefined;
  /** Of the extension, as negotiated for what is received. Default as in this member's offer. */
  readonly transportSequenceId?: number | undefined;
};

/** Where the time goes, in µs of the whole window, where the subject can tell. */
export type Split = { readonly receivedPackets: number; readonly routeMicros: number; readonly sendMicros: number };

export interface Running {
  /** Processes whose CPU time and memory count. */
  readonly pids: readonly number[];
  /** Whether receivers report back. Default true. */
  readonly feedback?: boolean;
  /** All members, not connected yet; by their number. */
  join(): Promise<readonly Member[]>;
  /** The load begins now. @returns true: the subject sends by itself, nobody publishes */
  begin(window: Window): Promise<boolean>;
  /** After the window. */
  end(): Promise<{ readonly expected?: number | undefined; readonly split?: Split | undefined; readonly notes?: unknown }>;
  stop(): Promise<void>;
}

export interface Subject {
  readonly name: string;
  start(scenario: Scenario): Promise<Running>;
}
