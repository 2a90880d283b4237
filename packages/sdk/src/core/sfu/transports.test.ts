import { FakeClock } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import type { SfuTransport } from "./transport.ts";
import { Transports } from "./transports.ts";

class FakeTransport {
  readonly epoch: number;
  readonly direct: boolean;
  connected = false;
  wasConnected = false;
  closed = false;
  offers = 0;
  readonly resumed: boolean[] = [];
  readonly health = { signalResumed: (doubtful: boolean) => void this.resumed.push(doubtful) };
  constructor(epoch: number, direct: boolean) {
    this.epoch = epoch;
    this.direct = direct;
  }
  negotiate(): void {
    this.offers += 1;
  }
  close(): void {
    this.closed = true;
    this.connected = false;
  }
}

function setUp() {
  const clock = new FakeClock();
  const made: FakeTransport[] = [];
  const states: string[] = [];
  const signal = { open: true };
  const transports = new Transports({
    clock,
    signalOpen: () => signal.open,
    create: (epoch, direct) => {
      const transport = new FakeTransport(epoch, direct);
      made.push(transport);
      return transport as unknown as SfuTransport;
    },
    onState: (state) => states.push(state),
  });
  const last = () => made.at(-1) as FakeTransport;
  const connect = (transport = last()) => {
    transport.connected = true;
    transport.wasConnected = true;
    transports.connected(transport as unknown as SfuTransport);
  };
  const lose = (transport = last()) => {
    transport.connected = false;
    transports.lost(transport as unknown as SfuTransport);
  };
  return { clock, made, states, signal, transports, last, connect, lose };
}

describe("the transports of a room", () => {
  it("are tried at once, then after 1, 2, 4, 8 and 8 s, each with a higher epoch", () => {
    const { clock, made, transports, lose } = setUp();
    transports.open();
    const times: number[] = [];
    for (let attempt = 0; attempt < 6; attempt++) {
      const before = clock.now();
      const count = made.length;
      lose();
      // Told twice: once is enough.
      lose();
      while (made.length === count) clock.advance(100);
      times.push(clock.now() - before);
    }
    expect(times).toEqual([100, 1_000, 2_000, 4_000, 8_000, 8_000]);
    expect(made.map(({ epoch, offers, closed }) => [epoch, offers, closed])).toEqual(
      made.map((_, index) => [index, 1, index < made.length - 1]),
    );
    transports.close();
  });

  it("begin anew with the first pause once one was connected", () => {
    const { clock, made, transports, connect, lose } = setUp();
    transports.open();
    for (const ms of [0, 1_000]) {
      lose();
      clock.advance(ms);
    }
    expect(made).toHaveLength(3);
    connect();
    lose();
    clock.advance(0);
    expect(made).toHaveLength(4);
    transports.close();
  });

  it("go straight to the SFU and over STUN and TURN by turns, as long as none connects", () => {
    const { clock, made, transports, signal, connect, lose } = setUp();
    transports.open();
    lose();
    clock.advance(0);
    lose();
    clock.advance(1_000);
    expect(made.map(({ direct }) => direct)).toEqual([true, false, true]);
    // With signalling away it says nothing about the way.
    signal.open = false;
    lose();
    signal.open = true;
    transports.signalResumed({ restored: false, doubtful: true });
    expect(made.at(-1)?.direct).toBe(true);
    connect();
    lose();
    clock.advance(0);
    expect(made.at(-1)?.direct).toBe(true);
    transports.close();
  });

  it("live on beside their successor until nothing is shown of them, at most 3 s from its connection", () => {
    const { clock, made, transports, connect } = setUp();
    transports.open();
    connect();
    const [first] = made as [FakeTransport];
    transports.open();
    clock.advance(10_000);
    expect(first.closed).toBe(false);
    connect();
    clock.advance(2_900);
    expect(first.closed).toBe(false);
    clock.advance(100);
    expect(first.closed).toBe(true);
    transports.open();
    connect();
    transports.dropOld();
    expect(made.map(({ closed }) => closed)).toEqual([true, true, false]);
    transports.close();
    expect([made.at(-1)?.closed, transports.active, clock.pending]).toEqual([true, undefined, 0]);
  });

  it("work while one of them does, and fail when none has for 45 s, which does not stop the attempts", () => {
    const { clock, made, states, transports, connect, lose } = setUp();
    transports.open();
    expect([transports.state, states]).toEqual(["connecting", []]);
    connect();
    transports.open();
    // The old one still shows everything.
    expect(states).toEqual(["connected"]);
    const [first, second] = made as [FakeTransport, FakeTransport];
    lose(first);
    expect([states.splice(0), made.length]).toEqual([["connected", "reconnecting"], 2]);
    lose(second);
    clock.advance(44_900);
    expect(states).toEqual([]);
    clock.advance(100);
    expect([states.splice(0), transports.state]).toEqual([["failed"], "failed"]);
    lose();
    clock.advance(8_000);
    expect([states, made.length]).toEqual([[], 4]);
    connect();
    expect(states).toEqual(["connected"]);
    clock.advance(60_000);
    expect(states).toEqual(["connected"]);
    transports.close();
  });

  it("follow the SFU's word that one is gone, unless a newer one was offered", () => {
    const { clock, made, transports, connect } = setUp();
    transports.open();
    transports.open();
    connect();
    transports.reset(0);
    clock.advance(10_000);
    expect(made).toHaveLength(2);
    transports.reset(1);
    clock.advance(0);
    expect([made.length, made[1]?.closed]).toEqual([3, false]);
    transports.close();
  });

  it("wait for signalling, and begin at once when it is back", () => {
    const { clock, made, signal, transports, connect, lose } = setUp();
    transports.open();
    connect();
    signal.open = false;
    lose();
    clock.advance(60_000);
    expect(made).toHaveLength(1);
    signal.open = true;
    transports.signalResumed({ restored: false, doubtful: true });
    expect(made).toHaveLength(2);
    transports.close();
  });

  it("stay when signalling comes back and media flows, but not after the server has lost its memory", () => {
    const { made, transports, connect, last } = setUp();
    transports.open();
    transports.signalResumed({ restored: false, doubtful: false });
    // One that was not connected yet has candidates of a path that is gone.
    expect([made.length, made[0]?.closed]).toEqual([2, true]);
    connect();
    transports.signalResumed({ restored: false, doubtful: true });
    transports.signalResumed({ restored: false, doubtful: false });
    expect([made.length, last().resumed]).toEqual([2, [true, false]]);
    transports.signalResumed({ restored: true, doubtful: false });
    expect(made).toHaveLength(3);
    transports.close();
  });

  it("say and do nothing after they were closed", () => {
    const { clock, made, states, transports, connect, lose } = setUp();
    transports.open();
    transports.close();
    transports.open();
    lose();
    connect();
    clock.advance(60_000);
    expect([made.length, states, clock.pending]).toEqual([1, [], 0]);
  });
});
