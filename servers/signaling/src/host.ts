/** Runs the conference core for the faces: reads the clock, keeps the one timer, and hands outputs to sessions and observers. */
import type { Clock, Log } from "@tsunagi/base";
import {
  type AdminCommand,
  Conference,
  type ConferenceEvent,
  type ConferenceOptions,
  type Grants,
  type Input,
  type LostRoom,
  type Output,
  type Refusal,
  type Relayed,
  type SessionId,
  type SfuCommand,
} from "@tsunagi/conference";
import type { ServerCounted } from "@tsunagi/protocol";

/** What a face does for one session. Each face has its own wire form; the native one is JSON text as it stands in PROTOCOL.md. */
export interface SessionSink {
  /** `text` gives the message as JSON, built once for all who want it. */
  send(message: ServerCounted, text?: () => string): void;
  /** A message of another peer. */
  relay(relayed: Relayed): void;
  opened(peerId: string, grants: Grants): void;
  restored(peerId: string, grants: Grants, lostRooms: readonly LostRoom[]): void;
  refused(why: Refusal): void;
  renewed(re: number, peerId: string, grants: Grants): void;
  /** The session is over. The host has forgotten it already. */
  ended(why: Refusal | undefined): void;
}

export type HostOptions = ConferenceOptions & {
  readonly clock: Clock;
  readonly log: Log;
  readonly onEvent?: ((event: ConferenceEvent) => void) | undefined;
  /** Carries commands to the SFU. Without it there is none, and `sfu` of the core's options should be false. */
  readonly onSfu?: ((command: SfuCommand, correlation: number | undefined) => void) | undefined;
};

export class ConferenceHost {
  readonly conference: Conference;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onEvent: (event: ConferenceEvent) => void;
  readonly #onSfu: NonNullable<HostOptions["onSfu"]>;
  readonly #sinks = new Map<SessionId, SessionSink>();
  #timerAt: number | undefined;
  #cancelTimer: (() => void) | undefined;
  #closed = false;

  constructor(options: HostOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#onEvent = options.onEvent ?? (() => {});
    this.#onSfu = options.onSfu ?? (() => {});
    this.conference = new Conference(options, options.clock.now(), options.clock.wallNow());
    this.#schedule();
  }

  get sessions(): number {
    return this.#sinks.size;
  }

  sink(session: SessionId): SessionSink | undefined {
    return this.#sinks.get(session);
  }

  /** Before the `open` or `restore` of the session. */
  register(session: SessionId, sink: SessionSink): void {
    this.#sinks.set(session, sink);
  }

  /** Feeds the core and performs what it answers. */
  handle(input: Input): void {
    const outputs = this.conference.handle(this.#clock.now(), input);
    for (const output of outputs) this.#perform(output);
    if (this.conference.deadline !== this.#timerAt) this.#schedule();
  }

  /** @returns whether the command found what it names */
  command(command: AdminCommand): boolean {
    const outputs = this.conference.handle(this.#clock.now(), { type: "admin", command });
    let found = false;
    for (const output of outputs) {
      if (output.type === "admin-result") found = output.found;
      else this.#perform(output);
    }
    if (this.conference.deadline !== this.#timerAt) this.#schedule();
    return found;
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#sinks.clear();
  }

  #perform(output: Output): void {
    switch (output.type) {
      case "relay":
        this.#sinks.get(output.session)?.relay(output.relayed);
        return;
      case "send":
        this.#sinks.get(output.session)?.send(output.message);
        return;
      case "broadcast": {
        let made: string | undefined;
        const text = () => {
          made ??= JSON.stringify(output.message);
          return made;
        };
        for (const session of output.sessions) this.#sinks.get(session)?.send(output.message, text);
        return;
      }
      case "opened":
        this.#sinks.get(output.session)?.opened(output.peerId, output.grants);
        return;
      case "restored":
        this.#sinks.get(output.session)?.restored(output.peerId, output.grants, output.lostRooms);
        return;
      case "renewed":
        this.#sinks.get(output.session)?.renewed(output.re, output.peerId, output.grants);
        return;
      case "refused": {
        const sink = this.#sinks.get(output.session);
        this.#sinks.delete(output.session);
        sink?.refused(output.why);
        return;
      }
      case "ended": {
        const sink = this.#sinks.get(output.session);
        this.#sinks.delete(output.session);
        sink?.ended(output.why);
        return;
      }
      case "admin-result":
        return;
      case "sfu":
        this.#onSfu(output.command, output.correlation);
        return;
      case "event":
        this.#observe(output.event);
        return;
      default:
        throw new Error(`unhandled output ${JSON.stringify(output satisfies never)}`);
    }
  }

  #observe(event: ConferenceEvent): void {
    try {
      this.#onEvent(event);
    } catch (error) {
      // Observers are records and webhooks: a call goes on without them.
      this.#log.error({ error: String(error), event: event.type }, "an observer failed");
    }
  }

  #schedule(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const deadline = this.conference.deadline;
    this.#timerAt = deadline;
    if (deadline === undefined || this.#closed) return;
    // Timers of Node end at 2³¹ ms; waking up early costs nothing.
    const delay = Math.min(Math.max(0, deadline - this.#clock.now()), 3_600_000);
    this.#cancelTimer = this.#clock.after(delay, () => {
      this.#timerAt = undefined;
      this.handle({ type: "tick", wallOffsetMs: this.#clock.wallNow() - this.#clock.now() });
    });
  }
}
