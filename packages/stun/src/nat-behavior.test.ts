import { describe, expect, it } from "vitest";
import type { TransportAddress } from "./address.ts";
import { answerBinding } from "./binding.ts";
import { type NatBehavior, type NatDependence, NatDiscovery } from "./nat-behavior.ts";

const LOCAL = { family: 4, address: "10.0.0.2", port: 5000 } as const;
const A1 = { family: 4, address: "192.0.2.1", port: 3478 } as const;
const A2 = { family: 4, address: "192.0.2.2", port: 3479 } as const;
const OUTSIDE = "203.0.113.9";
const LATENCY = 20;

const key = ({ address, port }: TransportAddress) => `${address}:${port}`;
const part = (dependence: NatDependence, to: TransportAddress) =>
  dependence === "endpoint-independent" ? "" : dependence === "address-dependent" ? to.address : key(to);

/** RFC 4787's two choices. A port for each mapping, and for each the peers that were sent to. */
class Nat {
  readonly #mapping: NatDependence;
  readonly #filtering: NatDependence;
  readonly #ports = new Map<string, number>();
  readonly #open = new Map<number, Set<string>>();

  constructor(mapping: NatDependence, filtering: NatDependence) {
    this.#mapping = mapping;
    this.#filtering = filtering;
  }

  out(to: TransportAddress): TransportAddress {
    const name = part(this.#mapping, to);
    const port = this.#ports.get(name) ?? 40_000 + this.#ports.size;
    this.#ports.set(name, port);
    const open = this.#open.get(port) ?? new Set();
    this.#open.set(port, open.add(part(this.#filtering, to)));
    return { family: 4, address: OUTSIDE, port };
  }

  lets(from: TransportAddress, port: number): boolean {
    return this.#open.get(port)?.has(part(this.#filtering, from)) ?? false;
  }
}

/** No translation; `filtering` undefined for no firewall either. */
class Direct {
  readonly #filter: Nat | undefined;
  constructor(filtering?: NatDependence) {
    this.#filter = filtering === undefined ? undefined : new Nat("endpoint-independent", filtering);
  }
  out(to: TransportAddress): TransportAddress {
    this.#filter?.out(to);
    return LOCAL;
  }
  lets(from: TransportAddress): boolean {
    return this.#filter?.lets(from, 40_000) ?? true;
  }
}

type Network = {
  readonly nat: Nat | Direct;
  /** Answers of the server: as it should, without a second address, from the wrong socket, or not at all. */
  readonly server?: "full" | "single" | "stubborn" | "half" | "absent";
  /** Whether the n-th packet is lost. */
  readonly loses?: (n: number) => boolean;
  readonly local?: TransportAddress | undefined;
};

function discover({ nat, server = "full", loses = () => false, local = LOCAL }: Network): {
  behavior: NatBehavior;
  tookMs: number;
} {
  const discovery = new NatDiscovery({ server: A1, local, random: (length) => crypto.getRandomValues(new Uint8Array(length)) });
  const arrivals: { at: number; from: TransportAddress; bytes: Uint8Array }[] = [];
  let packets = 0;
  let behavior: NatBehavior | undefined;
  const ask = (now: number, to: TransportAddress, bytes: Uint8Array) => {
    const mapped = nat.out(to);
    if (loses(packets++) || server === "absent" || (server === "half" && to.address === A2.address)) return;
    const other = {
      ...(to.address === A1.address ? A2 : A1),
      port: to.port === A1.port ? A2.port : A1.port,
    };
    const answer = answerBinding(bytes, mapped, server === "single" ? {} : { sockets: { received: to, other } });
    if (answer.type !== "answer") throw new Error(answer.reason);
    const change = server === "stubborn" ? { address: false, port: false } : answer.change;
    const from = { ...(change.address ? other : to), port: (change.port ? other : to).port };
    if (!loses(packets++) && nat.lets(from, mapped.port)) arrivals.push({ at: now + LATENCY, from, bytes: answer.bytes });
  };
  const perform = (now: number, outputs: ReturnType<NatDiscovery["handle"]>) => {
    for (const output of outputs) {
      if (output.type === "send") ask(now, output.to, output.bytes);
      else behavior = output.behavior;
    }
  };
  perform(1000, discovery.handle(1000, { type: "start" }));
  let now = 1000;
  while (behavior === undefined) {
    arrivals.sort((left, right) => left.at - right.at);
    const arrival = arrivals[0];
    const deadline = discovery.deadline;
    if (arrival !== undefined && (deadline === undefined || arrival.at <= deadline)) {
      arrivals.shift();
      now = arrival.at;
      perform(now, discovery.handle(now, { type: "received", from: arrival.from, bytes: arrival.bytes }));
    } else if (deadline !== undefined) {
      now = deadline;
      perform(now, discovery.handle(now, { type: "tick" }));
    } else throw new Error("nothing is due and nothing is known");
  }
  expect(discovery.deadline).toBeUndefined();
  return { behavior, tookMs: now - 1000 };
}

const DEPENDENCES = ["endpoint-independent", "address-dependent", "address-and-port-dependent"] as const;
const PAIRS = DEPENDENCES.flatMap((mapping) => DEPENDENCES.map((filtering) => ({ mapping, filtering })));

describe("NatDiscovery", () => {
  it.each(PAIRS)("recognises $mapping mapping with $filtering filtering", ({ mapping, filtering }) => {
    const { behavior, tookMs } = discover({ nat: new Nat(mapping, filtering) });
    expect(behavior).toMatchObject({ type: "discovered", isTranslated: true, mapping, filtering, rttMs: LATENCY });
    expect(behavior).toMatchObject({ mapped: { address: OUTSIDE, port: 40_000 } });
    // At most one round of silence.
    expect(tookMs).toBeLessThan(2_500);
  });

  it.each(PAIRS)("comes to the same when every third packet is lost: $mapping, $filtering", ({ mapping, filtering }) => {
    const { behavior } = discover({ nat: new Nat(mapping, filtering), loses: (n) => n % 3 === 1 });
    expect(behavior).toMatchObject({ type: "discovered", mapping, filtering });
  });

  it("tells a public address with and without a firewall from a NAT", () => {
    expect(discover({ nat: new Direct() }).behavior).toMatchObject({
      isTranslated: false,
      mapping: "endpoint-independent",
      filtering: "endpoint-independent",
    });
    expect(discover({ nat: new Direct("address-and-port-dependent") }).behavior).toMatchObject({
      isTranslated: false,
      filtering: "address-and-port-dependent",
    });
  });

  it("knows of translation only where it knows the local address", () => {
    const nat = new Nat("endpoint-independent", "endpoint-independent");
    const discovery = discover({ nat, local: undefined });
    expect(discovery.behavior).toMatchObject({ type: "discovered", mapping: "endpoint-independent" });
  });

  it("keeps the mapped address of a server without a second one", () => {
    const { behavior } = discover({ nat: new Nat("endpoint-independent", "address-dependent"), server: "single" });
    expect(behavior).toEqual({ type: "unsupported", mapped: { family: 4, address: OUTSIDE, port: 40_000 }, rttMs: LATENCY });
  });

  it("does not take an answer from the asked socket for one from another", () => {
    const { behavior } = discover({ nat: new Nat("endpoint-independent", "endpoint-independent"), server: "stubborn" });
    expect(behavior).toMatchObject({ filtering: "address-and-port-dependent" });
  });

  it("leaves the mapping open when the other address is silent", () => {
    const { behavior } = discover({ nat: new Nat("endpoint-independent", "endpoint-independent"), server: "half" });
    expect(behavior).toMatchObject({ type: "discovered", mapping: undefined, filtering: "endpoint-independent" });
  });

  it("gives up after 2.1 s of silence", () => {
    expect(discover({ nat: new Direct(), server: "absent" })).toEqual({ behavior: { type: "silent" }, tookMs: 2_100 });
  });

  it("begins once, and is quiet when all is done", () => {
    const discovery = new NatDiscovery({ server: A1, local: undefined, random: (length) => new Uint8Array(length) });
    expect(discovery.handle(0, { type: "tick" })).toEqual([]);
    expect(discovery.handle(0, { type: "start" })).toHaveLength(1);
    expect(discovery.handle(0, { type: "start" })).toEqual([]);
    expect(discovery.handle(1, { type: "received", from: A2, bytes: new Uint8Array(40) })).toEqual([]);
    expect(discovery.deadline).toBe(300);
  });
});
