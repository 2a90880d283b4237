/** The doctor with fakes for everything it asks. */
import { describe, expect, it } from "vitest";
import { doctor } from "../commands/doctor.ts";
import { EXIT } from "../exit-codes.ts";
import { relayProbes } from "../relay/relay-probes.ts";
import { testIo } from "../test-io.ts";
import { DOCTOR_CODES } from "./check.ts";
import type { HttpResult, Probes, TlsResult } from "./probes.ts";

const NOW = Date.UTC(2026, 5, 1);
const DAY = 86_400_000;
const ETH = { name: "eth0", address: "192.0.2.7", family: 4 } as const;
const well: HttpResult = { type: "response", status: 200, dateMs: NOW, body: "{}", ms: 3 };
const trusted: TlsResult = {
  type: "certificate",
  isTrusted: true,
  isLocalCa: true,
  problem: undefined,
  names: ["localhost", "127.0.0.1", "192.0.2.7"],
  validFromMs: NOW - DAY,
  validToMs: NOW + 300 * DAY,
};

const healthy: Probes = {
  now: () => NOW,
  interfaces: () => [ETH],
  get: async () => well,
  upgrade: async () => ({ type: "upgraded", ms: 4 }),
  certificate: async () => trusted,
  stun: async (_host, _port, family) => ({ type: "mapped", address: family === 4 ? "127.0.0.1" : "::1", port: 5, rttMs: 0.4 }),
  turn: async () => ({ type: "turn" }),
  resolve: async () => "198.41.0.9",
  // The SFU's.
  localPort: async (_protocol, port) => (port === 44_300 ? "taken" : "free"),
};

async function diagnose(probes: Partial<Probes>, ...args: string[]) {
  const io = testIo({ cwd: "/nowhere", wallNow: NOW });
  const code = await doctor([...args, "--json"], io, () => ({ ...healthy, ...probes }), relayProbes);
  const { url, ok, checks } = JSON.parse(io.out()) as {
    url: string;
    ok: boolean;
    checks: { id: string; status: string; code?: string; detail: string; remedy?: string; meaning?: string }[];
  };
  expect(code).toBe(ok ? EXIT.ok : EXIT.failed);
  for (const check of checks) {
    // Whatever is not well says what to do.
    if (check.status === "fail" || check.status === "warn")
      expect(check, check.id).toMatchObject({
        code: expect.any(String),
        remedy: expect.any(String),
        meaning: expect.any(String),
      });
    if (check.code !== undefined) expect(Object.keys(DOCTOR_CODES)).toContain(check.code);
  }
  return {
    url,
    ok,
    of: (id: string) => checks.find((check) => check.id === id),
    failed: checks.filter(({ status }) => status === "fail").map(({ id }) => id),
  };
}

describe("doctor", () => {
  it("finds nothing on a healthy machine", async () => {
    const { ok, url, failed } = await diagnose({});
    expect({ ok, url, failed }).toEqual({ ok: true, url: "http://localhost:8080", failed: [] });
  });

  it("is readable, with a mark that needs no colour", async () => {
    const io = testIo({ cwd: "/nowhere" });
    const code = await doctor(
      [],
      io,
      () => ({ ...healthy, upgrade: async () => ({ type: "answered", status: 404 }) }),
      relayProbes,
    );
    expect(code).toBe(EXIT.failed);
    expect(io.out()).toContain("✓ HTTP port");
    expect(io.out()).toMatch(/✗ WebSocket {2}\/v1 is answered 404 {2}\(doctor\.socket\.refused\)\n +→ A proxy/);
    expect(io.out()).toMatch(/1 to mend\.\n$/);
    expect(io.out()).not.toContain("\u001b[");
  });

  it("looks for https when plain http is not understood", async () => {
    const get = async (url: URL): Promise<HttpResult> =>
      url.protocol === "https:" ? well : { type: "foreign", detail: "HPE_INVALID" };
    expect((await diagnose({ get })).url).toBe("https://localhost:8080");
  });

  it("says to start the server when nothing listens, and that the port is free", async () => {
    const { failed, of } = await diagnose({
      get: async () => ({ type: "refused" }),
      upgrade: async () => ({ type: "refused" }),
      stun: async () => ({ type: "unreachable" }),
    });
    expect(failed).toEqual(["port", "stun4"]);
    expect(of("port")).toMatchObject({
      code: "doctor.http.closed",
      detail: expect.stringContaining("the port is free"),
      remedy: "Start the server: tsunagi start",
    });
    expect(of("health")?.status).toBe("skip");
    expect(of("websocket")?.status).toBe("skip");
    expect(of("stun4")?.code).toBe("doctor.stun.closed");
    // No IPv6 on this machine: nothing to mend.
    expect(of("stun6")?.status).toBe("skip");
  });

  it.each([
    [{ type: "refused" }, "doctor.http.closed"],
    [{ type: "timeout" }, "doctor.http.silent"],
    [{ type: "unresolved" }, "doctor.host.unknown"],
    [{ type: "foreign", detail: "ECONNRESET" }, "doctor.http.foreign"],
  ] as const)("tells apart why a server elsewhere does not answer: %o", async (result, code) => {
    const { of } = await diagnose({ get: async () => result }, "--url", "https://calls.example");
    expect(of("port")).toMatchObject({ status: "fail", code });
  });

  it.each([
    [503, "doctor.http.unhealthy"],
    [404, "doctor.http.older"],
    [500, "doctor.http.older"],
  ])("takes %i from /healthz as a failure", async (status, code) => {
    expect((await diagnose({ get: async () => ({ ...well, status }) })).of("health")).toMatchObject({ status: "fail", code });
  });

  it("names the firewall when STUN elsewhere is silent, and another program when it is here", async () => {
    const silent = { stun: async () => ({ type: "silent" }) as const };
    expect((await diagnose(silent, "--url", "https://calls.example")).of("stun4")).toMatchObject({
      status: "fail",
      remedy: expect.stringContaining("firewall"),
    });
    expect((await diagnose({ ...silent, localPort: async () => "taken" })).of("stun4")).toMatchObject({
      code: "doctor.stun.silent",
      remedy: expect.stringContaining("Another program"),
    });
  });

  it("looks whether the SFU holds its port, where it runs", async () => {
    expect((await diagnose({ localPort: async () => "taken" })).of("sfu")).toMatchObject({
      status: "ok",
      detail: "44300 UDP is held",
    });
    expect((await diagnose({ localPort: async () => "free" })).of("sfu")).toMatchObject({
      status: "warn",
      code: "doctor.sfu.closed",
    });
    expect((await diagnose({}, "--url", "https://calls.example")).of("sfu")?.status).toBe("skip");
    expect((await diagnose({ get: async () => ({ type: "refused" }) })).of("sfu")?.status).toBe("skip");
  });

  it("says when a NAT stands between", async () => {
    const stun = async () => ({ type: "mapped", address: "203.0.113.5", port: 9, rttMs: 20 }) as const;
    expect((await diagnose({ stun }, "--url", "https://calls.example")).of("stun4")?.detail).toContain("NAT");
  });

  it("looks for TURN beside STUN, over UDP and TCP", async () => {
    expect((await diagnose({})).of("turn")).toMatchObject({ status: "ok", detail: expect.stringContaining("UDP and TCP") });
    const only = (transport: "udp" | "tcp", type: "silent" | "closed" | "foreign"): Partial<Probes> => ({
      turn: async (_host, _port, asked) => ({ type: asked === transport ? type : "turn" }),
    });
    expect((await diagnose(only("tcp", "closed"))).of("turn")).toMatchObject({ status: "warn", code: "doctor.relay.closed" });
    expect((await diagnose(only("tcp", "silent"))).of("turn")).toMatchObject({ status: "warn", code: "doctor.relay.silent" });
    expect((await diagnose(only("udp", "silent"))).of("turn")).toMatchObject({
      status: "warn",
      remedy: expect.stringContaining("turn.enabled"),
    });
    const nothing = await diagnose(
      { ...only("udp", "silent"), stun: async () => ({ type: "silent" }) },
      "--url",
      "https://calls.example",
    );
    expect(nothing.of("turn")?.status).toBe("skip");
  });

  it("warns when clients are sent to a public address and the relay gives out another", async () => {
    const env = { TSUNAGI_TURN_HOST: "calls.example" };
    const turn = async (more: Record<string, string> = {}) => {
      const io = testIo({ cwd: "/nowhere", wallNow: NOW, env: { ...env, ...more } });
      await doctor(["--json"], io, () => healthy, relayProbes);
      return (JSON.parse(io.out()) as { checks: { id: string }[] }).checks.find(({ id }) => id === "turn");
    };
    expect(await turn()).toMatchObject({
      status: "warn",
      code: "doctor.relay.private",
      remedy: 'Set turn.externalAddresses: { "192.0.2.7": "198.41.0.9" }.',
    });
    expect(await turn({ TSUNAGI_TURN_EXTERNAL_ADDRESSES: '{"192.0.2.7":"198.41.0.9"}' })).toMatchObject({ status: "ok" });
    expect(await turn({ TSUNAGI_TURN_RELAY: "false" })).toMatchObject({ status: "skip" });
  });

  it.each([
    [2_000, "ok"],
    [10_000, "warn"],
    [-10_000, "warn"],
    [60_000, "fail"],
  ])("judges a clock %i ms off as %s", async (skew, status) => {
    expect((await diagnose({ get: async () => ({ ...well, dateMs: NOW + skew }) })).of("clock")?.status).toBe(status);
  });

  it("does not believe in 1970", async () => {
    expect((await diagnose({ now: () => 1000 })).of("clock")).toMatchObject({ status: "fail", code: "doctor.clock.wrong" });
  });

  it("warns when no other device can reach the machine", async () => {
    expect((await diagnose({ interfaces: () => [] })).of("addresses")).toMatchObject({ status: "warn" });
  });

  it("knows where browsers give camera and microphone", async () => {
    const context = async (url: string, certificate: TlsResult = trusted) =>
      (await diagnose({ certificate: async () => certificate }, "--url", url)).of("context");
    expect(await context("http://localhost:8080")).toMatchObject({ status: "ok" });
    expect(await context("http://127.0.0.1:8080")).toMatchObject({ status: "ok" });
    expect(await context("http://192.0.2.7:8080")).toMatchObject({ status: "fail", code: "doctor.context.plain" });
    expect(await context("https://localhost")).toMatchObject({ status: "ok", detail: expect.stringContaining("/ca.crt") });
    expect(await context("https://calls.example", { ...trusted, isLocalCa: false })).toMatchObject({ status: "ok" });
    expect(await context("https://x.example", { ...trusted, isTrusted: false, problem: "altnames" })).toMatchObject({
      status: "fail",
      code: "doctor.certificate.untrusted",
    });
    expect(await context("https://localhost", { ...trusted, validToMs: NOW - 1 })).toMatchObject({
      status: "fail",
      code: "doctor.certificate.expiry",
    });
    expect(await context("https://localhost", { ...trusted, validFromMs: NOW + DAY })).toMatchObject({
      status: "fail",
      code: "doctor.certificate.expiry",
    });
    expect(await context("https://localhost", { ...trusted, validToMs: NOW + 5 * DAY })).toMatchObject({ status: "warn" });
    expect(await context("https://localhost", { ...trusted, names: ["localhost"] })).toMatchObject({
      status: "warn",
      code: "doctor.certificate.names",
    });
  });

  it("recognises an IPv6 address however the certificate writes it", async () => {
    const certificate = async () => ({ ...trusted, names: ["localhost", "2001:DB8:0:0:0:0:0:7"] });
    const interfaces = () => [{ name: "eth0", address: "2001:db8::7", family: 6 as const }];
    expect((await diagnose({ certificate, interfaces }, "--url", "https://localhost")).of("context")?.status).toBe("ok");
  });
});
