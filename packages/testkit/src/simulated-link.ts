/** A simulated network between two message endpoints, in the time of a fake clock and with seeded chance. */
import type { Clock } from "@tsunagi/base";
import { type Random, seededRandom } from "./random.ts";

export type LinkOptions = {
  readonly clock: Clock;
  /** One way, in milliseconds. Default 10. */
  readonly latencyMs?: number;
  /** Added to the latency of each message, uniform in [0, jitterMs). Without `ordered` this reorders. Default 0. */
  readonly jitterMs?: number;
  /** Probability that a message is lost, 0 to 1. Default 0; a lost message on an `ordered` link is not sent again. */
  readonly loss?: number;
  /** Probability that a message is held back by three more latencies, so that later ones overtake it. Default 0. */
  readonly reorder?: number;
  /** Probability that a message comes twice. Default 0. */
  readonly duplicate?: number;
  /** A message never overtakes an earlier one, as over TCP and WebSocket. Default false. */
  readonly ordered?: boolean;
  /** Default 1. */
  readonly seed?: number;
};

export type LinkCounts = { sent: number; delivered: number; lost: number };

/** One end of a link. */
export interface LinkEnd<Message> {
  send(message: Message): void;
  /** Called for each message that arrives; one handler at a time. */
  onMessage: ((message: Message) => void) | undefined;
  /** Called when the link is closed by `close()` of either side or of the link, after the messages under way, one latency later. */
  onClose: (() => void) | undefined;
  close(): void;
}

export interface SimulatedLink<Message> {
  readonly a: LinkEnd<Message>;
  readonly b: LinkEnd<Message>;
  /** What went from a to b, and from b to a. */
  readonly counts: { readonly aToB: LinkCounts; readonly bToA: LinkCounts };
  /** Drops everything, also what is under way, until `restore()`: a cable pulled out. Nobody is told. */
  cut(): void;
  restore(): void;
  /** Changes the link's qualities from now on. */
  set(changes: Partial<Omit<LinkOptions, "clock" | "seed">>): void;
  /** Closes both ends at once, as when a server's process dies and its host resets the connections. */
  reset(): void;
}

type Qualities = { latencyMs: number; jitterMs: number; loss: number; reorder: number; duplicate: number; ordered: boolean };

export function simulatedLink<Message>(options: LinkOptions): SimulatedLink<Message> {
  const { clock } = options;
  const random = seededRandom(options.seed ?? 1);
  const qualities: Qualities = { latencyMs: 10, jitterMs: 0, loss: 0, reorder: 0, duplicate: 0, ordered: false };
  const state = { cut: false, closed: false };
  const set: SimulatedLink<Message>["set"] = (changes) => void Object.assign(qualities, defined(changes));
  set(options);

  const a = end<Message>();
  const b = end<Message>();
  const direction = (from: EndState<Message>, to: EndState<Message>): LinkCounts => {
    const counts: LinkCounts = { sent: 0, delivered: 0, lost: 0 };
    let lastDueMs = 0;
    const deliver = (delayMs: number, act: () => void) => {
      let dueMs = clock.now() + delayMs;
      if (qualities.ordered) dueMs = Math.max(dueMs, lastDueMs);
      lastDueMs = Math.max(dueMs, lastDueMs);
      clock.after(dueMs - clock.now(), act);
    };
    from.send = (message) => {
      if (state.closed || from.closed) return;
      counts.sent += 1;
      if (state.cut || random() < qualities.loss) {
        counts.lost += 1;
        return;
      }
      const copies = random() < qualities.duplicate ? 2 : 1;
      for (let copy = 0; copy < copies; copy++) {
        deliver(delay(qualities, random), () => {
          if (state.cut || state.closed || to.closed) {
            counts.lost += 1;
            return;
          }
          counts.delivered += 1;
          to.onMessage?.(message);
        });
      }
    };
    from.close = () => {
      if (from.closed) return;
      from.closed = true;
      deliver(qualities.latencyMs, () => {
        if (state.cut || to.closed) return;
        to.closed = true;
        to.onClose?.();
      });
    };
    return counts;
  };
  const counts = { aToB: direction(a, b), bToA: direction(b, a) };

  return {
    a,
    b,
    counts,
    set,
    cut: () => {
      state.cut = true;
    },
    restore: () => {
      state.cut = false;
    },
    reset: () => {
      if (state.closed) return;
      state.closed = true;
      for (const each of [a, b]) {
        if (each.closed) continue;
        each.closed = true;
        each.onClose?.();
      }
    },
  };
}

type EndState<Message> = LinkEnd<Message> & { closed: boolean };

function end<Message>(): EndState<Message> {
  return { send: () => {}, close: () => {}, onMessage: undefined, onClose: undefined, closed: false };
}

function delay(qualities: Qualities, random: Random): number {
  const held = random() < qualities.reorder ? 3 * qualities.latencyMs + 1 : 0;
  return qualities.latencyMs + random() * qualities.jitterMs + held;
}

function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([name, each]) => each !== undefined && name !== "clock" && name !== "seed"),
  ) as Partial<T>;
}
