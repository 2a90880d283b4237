/** The check from a client's side with fakes for everything it asks, through the command. */
import type { NatDependence } from "@tsunagi/stun";
import { describe, expect, it } from "vitest";
import { run as runCli } from "../cli.ts";
import { doctor } from "../commands/doctor.ts";
import { DOCTOR_CODES } from "../doctor/check.ts";
import { networkProbes } from "../doctor/network-probes.ts";
import { EXIT } from "../exit-codes.ts";
import { testIo } from "../test-io.ts";
import type { RelayEcho } from "./echo.ts";
import { attemptsOf } from "./examine.ts";
import type { NatResult } from "./nat-probe.ts";
import type { RelayProbes } from "./relay-probes.ts";
import type { TurnFailure } from "./turn-failure.ts";
import type { TurnTarget } from "./turn-session.ts";

const MAPPED = { family: 4, address: "203.0.113.9", port: 40_000 } as const;
const PUBLIC = { family: 4, address: "198.51.100.1", port: 50_000 } as const;
const URLS = [
  "stun:calls.example",
  "turn:calls.example?transport=udp",
  "turn:calls.example?transport=tcp",
  "turns:calls.example:443?transport=tcp",
];

const echoed = (target: TurnTarget, relayed: RelayEchoed["relayed"] = PUBLIC): RelayEcho => ({
  type: "echoed",
  target,
  relayed,
  mapped: MAPPED,
  openMs: 12,
  allocateMs: 21,
  echoMs: 22.4,
});
type RelayEchoed = Extract<RelayEcho, { type: "echoed" }>;
const failed = (target: TurnTarget, failure: TurnFailure): RelayEcho => ({ type: "failed", target, failure, ms: 5 });
const nat = (mapping: NatDependence | undefined, filtering: NatDependence, isTranslated = true): NatResult => ({
  type: "discovered",
  mapped: MAPPED,
  rttMs: 20,
  isTranslated,
  mapping,
  filtering,
});

const healthy: RelayProbes = {
  interfaces: () => [{ name: "eth0", address: "192.168.1.7", family: 4 }],
  key: async () => ({ type: "key", key: "k" }),
  session: async () => ({
    type: "opened",
    iceServers: [{ urls: URLS, username: "1:a", credential: "c0nfid3ntial" }],
    isRelayOnly: false,
    ms: 30,
  }),
  resolve: async () => "198.51.100.1",
  nat: async () => nat("endpoint-independent", "address-and-port-dependent"),
  relay: async (target) => echoed(target),
};

async function diagnose(probes: Partial<RelayProbes>, ...args: string[]) {
  const io = testIo({ cwd: "/nowhere" });
  const all = ["--from-client", "--url", "https://calls.example", ...args, "--json"];
  const code = await doctor(all, io, networkProbes, () => ({ ...healthy, ...probes }));
  const report = JSON.parse(io.out()) as {
    url: string;
    ok: boolean;
    checks: { id: string; status: string; code?: string; detail: string; remedy?: string; meaning?: string }[];
    verdict?: { network: string; works: Record<string, boolean> };
  };
  expect(code).toBe(report.ok ? EXIT.ok : EXIT.failed);
  for (const check of report.checks) {
    const isWell = check.status === "ok" || check.status === "skip";
    if (!isWell) expect(check, check.id).toMatchObject({ remedy: expect.any(String), meaning: expect.any(String) });
    if (check.code !== undefined) expect(Object.keys(DOCTOR_CODES)).toContain(check.code);
    // No secret reaches the terminal.
    expect(JSON.stringify(check)).not.toContain("c0nfid3ntial");
  }
  return { ...report, of: (id: string) => report.checks.find((check) => check.id === id) };
}

/** Relays that fail by transport. */
const failing = (why: Partial<Record<TurnTarget["transport"], TurnFailure>>): Pick<RelayProbes, "relay"> => ({
  relay: async (target) => {
    const failure = why[target.transport];
    return failure === undefined ? echoed(target) : failed(target, failure);
  },
});

describe("doctor --from-client", () => {
  it("finds nothing to mend where all works", async () => {
    const { ok, checks, verdict, of } = await diagnose({});
    expect(ok).toBe(true);
    expect(checks.map(({ id, status }) => `${id} ${status}`)).toEqual(
      ["host", "session", "nat", "turn-udp", "turn-tcp", "turn-tls", "network", "networks"].map((id) => `${id} ok`),
    );
    expect(verdict).toMatchObject({ network: "open", works: { home: true, strict: true, "no-udp": true, "web-only": true } });
    expect(of("turn-tls")?.detail).toBe(
      "calls.example:443 connected in 12 ms, gave 198.51.100.1:50000 in 21 ms; there and back in 22 ms",
    );
  });

  it("is readable", async () => {
    const io = testIo({ cwd: "/nowhere" });
    await doctor(["--from-client", "--url", "https://calls.example"], io, networkProbes, () => ({
      ...healthy,
      ...failing({ udp: { why: "timeout" } }),
    }));
    expect(io.out()).toContain("Tsunagi doctor  https://calls.example\n");
    expect(io.out()).toMatch(
      /! Relay by UDP {2}no answer from calls\.example:3478 UDP {2}\(doctor\.relay\.silent\)\n +→ Let UDP 3478 in/,
    );
    expect(io.out()).toMatch(/✓ Elsewhere +calls will work on ordinary routers, strict NATs/);
    expect(io.out()).toMatch(/All is well, 1 warning\.\n$/);
  });

  it("says that this network blocks UDP", async () => {
    const { ok, of, verdict } = await diagnose({
      nat: async () => ({ type: "silent" }),
      ...failing({ udp: { why: "timeout" } }),
    });
    expect(verdict?.network).toBe("udp-blocked");
    expect(of("nat")).toMatchObject({
      status: "warn",
      code: "doctor.stun.silent",
      remedy: expect.stringContaining("blocks UDP"),
    });
    expect(of("network")).toMatchObject({ status: "warn", code: "doctor.network.udp" });
    expect(ok).toBe(true);
  });

  it("says that nothing gets through", async () => {
    const timeout = { why: "timeout" } as const;
    const { of, ok } = await diagnose({
      nat: async () => ({ type: "silent" }),
      ...failing({ udp: timeout, tcp: timeout, tls: timeout }),
    });
    expect(ok).toBe(false);
    expect(of("network")).toMatchObject({ status: "fail", code: "doctor.network.blocked" });
    expect(of("networks")).toMatchObject({ status: "fail", detail: "calls will fail on every network" });
    expect(of("turn-tcp")).toMatchObject({ status: "fail", remedy: expect.stringContaining("443") });
  });

  it.each<[string, TurnFailure, string, RegExp]>([
    ["a refused credential", { why: "refused", code: 401, phrase: "" }, "doctor.relay.credentials", /same secret.*clocks/],
    ["a full relay", { why: "refused", code: 508, phrase: "" }, "doctor.relay.full", /limits/],
    ["another refusal", { why: "refused", code: 500, phrase: "no" }, "doctor.relay.refused", /log/],
    ["a port without a server", { why: "closed" }, "doctor.relay.closed", /turn\.enabled/],
    ["closed relay ports", { why: "no-echo", relayed: PUBLIC }, "doctor.relay.echo", /49152-65535, or turn\.relayPorts\)\.$/],
    [
      "closed relay ports and a private address",
      { why: "no-echo", relayed: { ...PUBLIC, address: "10.0.0.5" } },
      "doctor.relay.echo",
      /externalAddresses/,
    ],
    [
      "a relay that refuses its own addresses",
      { why: "own-relay", relayed: PUBLIC },
      "doctor.relay.echo",
      /allowed-peer-ip=198\.51\.100\.1/,
    ],
    ["another program", { why: "foreign", detail: "malformed" }, "doctor.relay.foreign", /Another program/],
    ["a certificate", { why: "certificate", detail: "self-signed" }, "doctor.relay.certificate", /authority/],
  ])("names %s and what to do", async (_, failure, code, remedy) => {
    for (const path of ["turn-udp", "turn-tcp", "turn-tls"]) {
      const all = await diagnose(failing({ udp: failure, tcp: failure, tls: failure }));
      expect(all.of(path)).toMatchObject({ status: "fail", code, remedy: expect.stringMatching(remedy) });
      expect(all.of("network")?.code).toBe("doctor.network.relay");
    }
    // Another way works: a warning.
    expect((await diagnose(failing({ tls: failure }))).of("turn-tls")).toMatchObject({ status: "warn", code });
  });

  it("warns of a relay that tells an inner address, and not inside that network", async () => {
    const relayed = { family: 4, address: "10.0.0.5", port: 50_000 } as const;
    const relay: RelayProbes["relay"] = async (target) => echoed(target, relayed);
    expect((await diagnose({ relay })).of("turn-udp")).toMatchObject({
      status: "warn",
      code: "doctor.relay.private",
      remedy: 'Set turn.externalAddresses on the server: { "10.0.0.5": "198.51.100.1" }.',
    });
    expect((await diagnose({ relay, resolve: async () => "10.0.0.5" })).of("turn-udp")?.status).toBe("ok");
  });

  it.each<[string, NatResult, RegExp]>([
    ["no NAT", nat("endpoint-independent", "endpoint-independent", false), /no NAT/],
    ["a good NAT", nat("endpoint-independent", "address-dependent"), /good for direct calls/],
    ["a strict NAT", nat("address-and-port-dependent", "address-and-port-dependent"), /strict NAT.*need the relay/],
    ["a server with half a second address", nat(undefined, "endpoint-independent"), /a NAT; it lets anyone in/],
    ["a server with one address", { type: "unsupported", mapped: MAPPED, rttMs: undefined }, /a NAT in between, of a kind/],
    ["no NAT, seen by one address", { type: "unsupported", mapped: { ...MAPPED, address: "192.168.1.7" }, rttMs: 1 }, /no NAT/],
  ])("tells of %s", async (_, result, words) => {
    expect((await diagnose({ nat: async () => result })).of("nat")).toMatchObject({
      status: "ok",
      detail: expect.stringMatching(words),
    });
  });

  it("says most calls need the relay behind a strict NAT", async () => {
    const { verdict } = await diagnose({ nat: async () => nat("address-dependent", "address-dependent") });
    expect(verdict?.network).toBe("relay-needed");
  });

  it("says where calls will not work when a way is missing", async () => {
    const only = (...urls: string[]) =>
      diagnose({ session: async () => ({ type: "opened", iceServers: [{ urls }], isRelayOnly: false, ms: 1 }) });
    const none = await only();
    expect(none.of("networks")).toMatchObject({ status: "fail", code: "doctor.network.some" });
    expect(none.of("nat")?.status).toBe("skip");
    const udp = await only("turn:calls.example");
    expect(udp.of("turn-tcp")?.status).toBe("skip");
    expect(udp.of("networks")).toMatchObject({ status: "warn", remedy: expect.stringContaining("turn.tcp") });
    const tcp = await only("turn:calls.example", "turn:calls.example?transport=tcp");
    expect(tcp.of("networks")).toMatchObject({
      status: "warn",
      detail: expect.stringContaining("443"),
      remedy: expect.stringContaining("443"),
    });
    expect((await only("turns:calls.example:443")).of("networks")?.status).toBe("ok");
  });

  it("stops where the server gives no session, with its own words", async () => {
    const noKey = await diagnose({ key: async () => ({ type: "none", detail: "404" }) });
    expect(noKey.of("session")).toMatchObject({ status: "fail", code: "doctor.session.key" });
    const refused = {
      type: "refused",
      code: "auth.credential.required",
      message: "a token is needed",
      remedy: undefined,
    } as const;
    expect((await diagnose({ session: async () => refused })).of("session")).toMatchObject({
      code: "doctor.session.refused",
      detail: "a token is needed (auth.credential.required)",
      remedy: expect.stringContaining("--token"),
    });
    const away = await diagnose({ session: async () => ({ type: "unreachable", detail: "no answer" }) });
    expect(away.checks.map(({ id }) => id)).toEqual(["host", "session"]);
  });

  it("brings key and token, and asks for the key only without one", async () => {
    const asked: unknown[] = [];
    const session: RelayProbes["session"] = async (url, key, token) => {
      asked.push([url.href, key, token]);
      return healthy.session(url, key, token);
    };
    const key: RelayProbes["key"] = async () => {
      throw new Error("not to be asked");
    };
    await diagnose({ session, key }, "--key", "mine", "--token", "t");
    expect(asked).toEqual([["https://calls.example/", "mine", "t"]]);
  });

  it("takes a relay by hand, its password from the environment", async () => {
    const io = testIo({ cwd: "/nowhere", env: { TURN_PASSWORD: "p" } });
    const targets: TurnTarget[] = [];
    const args = ["--from-client", "--turn", "turn:a.example", "--turn", "turns:a.example:443", "--user", "u"];
    const code = await doctor(args, io, networkProbes, () => ({
      ...healthy,
      session: async () => {
        throw new Error("not to be asked");
      },
      relay: async (target) => {
        targets.push(target);
        return echoed(target);
      },
    }));
    expect(code).toBe(EXIT.ok);
    expect(targets).toMatchObject([
      { transport: "udp", address: "198.51.100.1", port: 3478, username: "u", password: "p", name: "a.example" },
      { transport: "tls", port: 443 },
    ]);
    expect(io.out()).toContain("Tsunagi doctor  turn:a.example, turns:a.example:443\n");
  });

  it("refuses what cannot be meant", async () => {
    const io = testIo({ cwd: "/nowhere" });
    expect(await runCli(["doctor", "--from-client", "--turn", "http://a.example"], io)).toBe(EXIT.usage);
    expect(await runCli(["doctor", "--key", "k"], io)).toBe(EXIT.usage);
    expect(io.err()).toContain("--key goes with --from-client");
  });

  it("tells an unknown name from a silent server", async () => {
    expect((await diagnose({ resolve: async () => undefined })).of("turn-udp")).toMatchObject({ code: "doctor.host.unknown" });
  });
});

describe("attemptsOf", () => {
  it("asks the TURN port for STUN where no STUN server is named, and does not try the same twice or without end", () => {
    const paths = (...urls: string[]) => attemptsOf([{ urls }]).map(({ path, url }) => `${path} ${url.host}:${url.port}`);
    expect(paths("turn:a.example", "turn:a.example?transport=udp")).toEqual(["turn-udp a.example:3478", "stun a.example:3478"]);
    expect(paths("turn:a?transport=tcp", "nonsense")).toEqual(["turn-tcp a:3478"]);
    expect(paths(...[1, 2, 3, 4, 5].map((port) => `stun:a:${port}`))).toHaveLength(3);
  });
});
