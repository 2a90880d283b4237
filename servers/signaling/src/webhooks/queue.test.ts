import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AttemptResult, type Delivery, type QueueOptions, type QueueOutput, WebhookQueue } from "./queue.ts";

const endpoint = (id = "e1") => ({ id, url: `https://${id}.example/`, secret: "s" });
const delivery = (id: string): Delivery => ({ id, type: "peer.opened", body: "{}" });

/** Time that moves from deadline to deadline; each attempt takes 100 ms and ends as `answer` says. */
function simulate(answer: (id: string, attempt: number, at: number) => AttemptResult, options: Partial<QueueOptions> = {}) {
  const queue = new WebhookQueue(() => 0.5, options);
  const log: string[] = [];
  const pending: { at: number; endpointId: string; result: AttemptResult }[] = [];
  let now = 0;
  const perform = (outputs: readonly QueueOutput[]) => {
    for (const output of outputs) {
      if (output.type === "dropped") log.push(`${now} drop ${output.delivery.id} ${output.reason}`);
      else {
        log.push(`${now} send ${output.delivery.id} #${output.attempt}`);
        const result = answer(output.delivery.id, output.attempt, now);
        pending.push({ at: now + 100, endpointId: output.endpoint.id, result });
      }
    }
  };
  return {
    queue,
    log,
    enqueue(id: string, to = "e1") {
      perform(queue.handle(now, { type: "enqueue", endpoint: endpoint(to), delivery: delivery(id) }));
    },
    input: (input: Parameters<WebhookQueue["handle"]>[1]) => perform(queue.handle(now, input)),
    run(ms: number) {
      const end = now + ms;
      for (;;) {
        pending.sort((a, b) => a.at - b.at);
        const result = pending[0]?.at ?? Number.POSITIVE_INFINITY;
        const tick = queue.deadline ?? Number.POSITIVE_INFINITY;
        const next = Math.min(result, tick);
        if (next > end) break;
        now = Math.max(now, next);
        const done = result <= tick ? pending.shift() : undefined;
        if (done !== undefined) perform(queue.handle(now, { type: "result", endpointId: done.endpointId, result: done.result }));
        else perform(queue.handle(now, { type: "tick" }));
      }
      now = end;
    },
  };
}

const ok: AttemptResult = { type: "delivered" };
const bad: AttemptResult = { type: "failed" };
const HOUR = 3_600_000;

describe("WebhookQueue", () => {
  it("sends one at a time to an endpoint, in order, and to others at once", () => {
    const { enqueue, run, log, queue } = simulate(() => ok);
    enqueue("a1");
    enqueue("a2");
    enqueue("b1", "e2");
    run(1_000);
    expect(log).toEqual(["0 send a1 #1", "0 send b1 #1", "100 send a2 #1"]);
    expect(queue.size).toEqual({ waiting: 0, inFlight: 0, characters: 0, endpoints: 0 });
    expect(queue.deadline).toBeUndefined();
  });

  it("tries eight times over about an hour, then drops", () => {
    const { enqueue, run, log, queue } = simulate(() => bad, { maxPauseMs: 0 });
    enqueue("a");
    run(3 * HOUR);
    const times = log.map((line) => Number(line.split(" ")[0]));
    expect(log.at(-1)).toBe(`${times.at(-1)} drop a exhausted`);
    expect(log.filter((line) => line.includes("send"))).toHaveLength(8);
    const gaps = times.slice(1, 8).map((at, n) => at - (times[n] ?? 0) - 100);
    expect(gaps).toEqual([5_000, 15_000, 45_000, 135_000, 405_000, 1_215_000, 1_800_000]);
    expect(queue.size).toMatchObject({ waiting: 0, inFlight: 0, characters: 0 });
  });

  it("spreads retries by a fifth either way", () => {
    for (const [random, delay] of [
      [0, 4_000],
      [0.999_999, 6_000],
    ] as const) {
      const queue = new WebhookQueue(() => random);
      queue.handle(0, { type: "enqueue", endpoint: endpoint(), delivery: delivery("a") });
      queue.handle(0, { type: "result", endpointId: "e1", result: bad });
      expect(queue.deadline).toBe(delay);
    }
  });

  it("keeps the order over a short failure of the receiver", () => {
    const { enqueue, run, log } = simulate((_, __, at) => (at < 20_000 ? bad : ok));
    enqueue("a");
    enqueue("b");
    run(HOUR);
    expect(log.map((line) => line.replace(/^\d+ /, ""))).toEqual(["send a #1", "send a #2", "send a #3", "send b #1"]);
  });

  it("lets others pass a delivery that the receiver cannot take", () => {
    const { enqueue, run, log } = simulate((id) => (id === "poison" ? bad : ok));
    enqueue("poison");
    enqueue("b");
    enqueue("c");
    run(2 * 60_000);
    expect(log.map((line) => line.replace(/^\d+ /, ""))).toEqual([
      "send poison #1",
      "send poison #2",
      "send poison #3",
      "send b #1",
      "send c #1",
      "send poison #4",
    ]);
  });

  it("does not hammer a dead receiver however much waits, and finds it back within the longest pause", () => {
    const { enqueue, run, log, queue } = simulate((_, __, at) => (at < HOUR ? bad : ok));
    for (let n = 0; n < 100; n += 1) enqueue(String(n));
    run(HOUR);
    const attempts = log.filter((line) => line.includes("send")).length;
    expect(attempts).toBeGreaterThan(12);
    expect(attempts).toBeLessThan(25);
    run(6 * 60_000);
    expect(log.filter((line) => Number(line.split(" ")[0]) >= HOUR && line.includes("send")).length).toBeGreaterThan(80);
    run(HOUR);
    expect(queue.size).toMatchObject({ waiting: 0, inFlight: 0, characters: 0, endpoints: 0 });
  });

  it("waits as long as the receiver asks, within the bound", () => {
    const { enqueue, run, log } = simulate((_, attempt) => (attempt === 1 ? { type: "failed", retryAfterMs: 60_000 } : ok));
    enqueue("a");
    run(HOUR);
    expect(log).toEqual(["0 send a #1", "60100 send a #2"]);
    const forever = simulate((_, attempt) => (attempt === 1 ? { type: "failed", retryAfterMs: 9e12 } : ok));
    forever.enqueue("a");
    forever.run(HOUR);
    expect(forever.log[1]).toBe("1800100 send a #2");
  });

  it("does not retry what is refused for good", () => {
    const { enqueue, run, log } = simulate(() => ({ type: "refused" }));
    enqueue("a");
    run(HOUR);
    expect(log).toEqual(["0 send a #1", "100 drop a refused"]);
  });

  it("drops the oldest of a full queue, and the fullest endpoint's when memory is short", () => {
    const full = simulate(() => ok, { maxPerEndpoint: 2 });
    for (const id of ["a", "b", "c", "d"]) full.enqueue(id);
    expect(full.log).toEqual(["0 send a #1", "0 drop b overflow"]);
    const short = simulate(() => ok, { maxCharacters: 6 });
    for (const id of ["a", "b", "c", "d"]) short.enqueue(id);
    short.enqueue("x", "e2");
    short.enqueue("y", "e2");
    expect(short.log).toEqual(["0 send a #1", "0 drop b overflow", "0 send x #1"]);
  });

  it("drops what waited too long behind others", () => {
    const { enqueue, run, log } = simulate(() => bad, { maxAgeMs: 60_000 });
    enqueue("a");
    enqueue("b");
    run(HOUR);
    expect(log.filter((line) => line.includes("expired")).length).toBeGreaterThan(0);
  });

  it("bounds the attempts under way over all endpoints and starts the next as they end", () => {
    const { enqueue, run, log } = simulate(() => ok, { maxInFlight: 2 });
    for (const id of ["a", "b", "c", "d"]) enqueue(id, id);
    expect(log).toHaveLength(2);
    run(1_000);
    expect(log.map((line) => line.split(" ")[2])).toEqual(["a", "b", "c", "d"]);
  });

  it("forgets a removed endpoint, and sends what waits to a changed URL at once", () => {
    const { enqueue, run, log, input, queue } = simulate(() => bad);
    enqueue("a");
    enqueue("b");
    run(1_000);
    input({ type: "remove", endpointId: "e1" });
    expect(log.slice(1)).toEqual(["1000 drop a removed", "1000 drop b removed"]);
    run(HOUR);
    expect(queue.size.endpoints).toBe(0);
    enqueue("c");
    run(1_000);
    log.length = 0;
    input({ type: "update", endpoint: { ...endpoint(), url: "https://new.example/" } });
    expect(log[0]).toMatch(/send c #2/);
  });

  it("gives everything that waits one attempt when draining, and gives up an endpoint that fails", () => {
    const { enqueue, run, log, input, queue } = simulate((id, attempt) => (id.startsWith("bad") || attempt === 1 ? bad : ok));
    enqueue("good1", "e1");
    enqueue("bad1", "e2");
    run(1_000);
    enqueue("bad2", "e2");
    log.length = 0;
    input({ type: "drain" });
    enqueue("late");
    run(500);
    expect(log).toEqual([
      "1000 send good1 #2",
      "1000 send bad1 #2",
      "1000 drop late shutdown",
      "1100 drop bad1 shutdown",
      "1100 drop bad2 shutdown",
    ]);
    expect(queue.size).toMatchObject({ waiting: 0, inFlight: 0 });
  });

  it("accounts for every delivery exactly once, whatever the receiver does", () => {
    const results = fc.constantFrom<AttemptResult>(ok, bad, { type: "failed", retryAfterMs: 1_000 }, { type: "refused" });
    const steps = fc.array(fc.tuple(fc.constantFrom("e1", "e2", "e3"), fc.integer({ min: 0, max: 60_000 })), { maxLength: 40 });
    fc.assert(
      fc.property(steps, fc.array(results, { minLength: 1, maxLength: 30 }), (events, answers) => {
        let n = 0;
        const delivered: string[] = [];
        const run = simulate(
          (id) => {
            const result = answers[n++ % answers.length] ?? ok;
            if (result.type === "delivered") delivered.push(id);
            return result;
          },
          { maxPerEndpoint: 5 },
        );
        events.forEach(([to, wait], at) => {
          run.enqueue(`d${at}`, to);
          run.run(wait);
        });
        run.run(10 * HOUR);
        const dropped = run.log.filter((line) => line.includes(" drop ")).map((line) => line.split(" ")[2] ?? "");
        expect([...delivered, ...dropped].sort()).toEqual(events.map((_, at) => `d${at}`).sort());
        expect(run.queue.size).toEqual({ waiting: 0, inFlight: 0, characters: 0, endpoints: 0 });
      }),
      { numRuns: 100 },
    );
  });
});
