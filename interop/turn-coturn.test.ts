/**
 * coturn's clients against our TURN server, in every mode that they have, beside coturn's own server: where that one answers in full, ours has to.
 * And coturn's server in ours' place, with the same shared secret.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeStunCrypto } from "../packages/stun/src/node.ts";
import { restCredential, turnPolicy } from "../packages/turn/src/index.ts";
import { type RunningTurnServer, startTurnServer } from "../servers/turn/src/index.ts";
import { selfSigned } from "../servers/turn/test/certificate.ts";
import { type CoturnServer, type Exchange, freePort, type Program, runTool, startCoturn, startPeer, uclient } from "./coturn.ts";

const SECRET = "a secret that both know";
/** Both servers' clients wait most of the time. */
const AT_ONCE = 12;

type Ports = { readonly port: number; readonly tlsPort: number };
type Mode = {
  readonly name: string;
  readonly flags: string;
  /** Default 127.0.0.1. */
  readonly server?: "::1";
  readonly tls?: true;
  /** Through `turnutils_peer` there; without, clients speak to clients. */
  readonly peer?: "127.0.0.1" | "::1";
  /** Clients leave by chance, and what is on its way to them is lost with any server. */
  readonly mayLose?: true;
};

const MODES: readonly Mode[] = [
  { name: "UDP, channels", flags: "", peer: "127.0.0.1" },
  { name: "UDP, Send and Data", flags: "-s", peer: "127.0.0.1" },
  { name: "UDP, channels, clients to clients", flags: "-y" },
  { name: "UDP, Send and Data, clients to clients", flags: "-y -s" },
  { name: "UDP, without EVEN-PORT", flags: "-y -c" },
  { name: "UDP, several clients, 1000 bytes", flags: "-y -m 4 -l 1000" },
  { name: "UDP, padded ChannelData", flags: "-y -D" },
  { name: "UDP over IPv6", flags: "-y -x", server: "::1" },
  { name: "UDP, IPv6 relay for an IPv4 client", flags: "-x", peer: "::1" },
  { name: "UDP, IPv4 relay for an IPv6 client", flags: "-X", server: "::1", peer: "127.0.0.1" },
  { name: "IPv4 asked for by name", flags: "-y -X" },
  { name: "dual allocation, channels", flags: "-y -Z" },
  { name: "dual allocation, Send and Data, TCP", flags: "-y -Z -s -t" },
  { name: "DONT-FRAGMENT, channels", flags: "-g", peer: "127.0.0.1" },
  { name: "DONT-FRAGMENT, Send", flags: "-y -g -s" },
  { name: "mobility, UDP", flags: "-y -M" },
  { name: "mobility, UDP, Send and Data", flags: "-y -M -s" },
  { name: "requests sent more than once", flags: "-y -G" },
  { name: "random disconnects", flags: "-y -B -m 4", mayLose: true },
  { name: "negative tests", flags: "-y -N" },
  { name: "no permissions set by the client", flags: "-y -I" },
  { name: "TCP, channels", flags: "-t", peer: "127.0.0.1" },
  { name: "TCP, Send and Data, clients to clients", flags: "-t -y -s" },
  { name: "TCP over IPv6, IPv6 relay", flags: "-t -y -s -x", server: "::1" },
  { name: "TLS, channels", flags: "-t -S -y", tls: true },
  { name: "TLS, Send and Data", flags: "-t -S -s", tls: true, peer: "127.0.0.1" },
  { name: "TCP relay (RFC 6062)", flags: "-T" },
  { name: "TCP relay (RFC 6062) over TLS", flags: "-T -S", tls: true },
];

let ours: RunningTurnServer;
let coturn: CoturnServer;
const programs: Program[] = [];
const results = new Map<Mode, { readonly ours: Exchange; readonly coturn: Exchange; readonly again: boolean }>();

beforeAll(async () => {
  const tls = await selfSigned();
  ours = await startTurnServer({
    port: 0,
    tlsPort: 0,
    tls,
    addresses: ["127.0.0.1", "::1"],
    relayPorts: { min: 45_000, max: 49_999 },
    alternate: { address: "127.0.0.2", primary: "127.0.0.1", port: await freePort() },
    // All clients here are one user at one address.
    rateLimit: { perSecond: 100_000, burst: 100_000 },
    policy: turnPolicy({
      realm: "interop",
      users: { user: "password" },
      secrets: [SECRET],
      allow: ["127.0.0.0/8", "::1"],
      limits: { allocationsPerUser: 1000, reservationsPerUser: 200 },
    }),
  });
  coturn = await startCoturn(["--lt-cred-mech", "-u", "user:password"], tls);
  const peerPort = await freePort();
  programs.push(coturn, startPeer("127.0.0.1", peerPort), startPeer("::1", peerPort));
  const exchange = ({ flags, server, tls, peer }: Mode, { port, tlsPort }: Ports) =>
    uclient([
      ...flags.split(" ").filter((flag) => flag !== ""),
      ...["-u", "user", "-w", "password", "-n", "10", "-p", `${tls === true ? tlsPort : port}`],
      ...(peer === undefined ? [] : ["-e", peer, "-r", `${peerPort}`]),
      server ?? "127.0.0.1",
    ]);
  const waiting = [...MODES];
  const work = async () => {
    for (let mode = waiting.shift(); mode !== undefined; mode = waiting.shift()) {
      const theirs = await exchange(mode, coturn);
      let mine = await exchange(mode, ports());
      // So many programs at once on few cores: what went wrong then has to go right once more.
      const again = mode.mayLose !== true && lost(mine) > lost(theirs);
      if (again) mine = await exchange(mode, ports());
      results.set(mode, { ours: mine, coturn: theirs, again });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}, 150_000);

afterAll(async () => {
  console.table(
    MODES.map((mode) => {
      const result = results.get(mode);
      const told = (exchange?: Exchange) => `${exchange?.received ?? 0} of ${exchange?.sent ?? 0}`;
      return {
        mode: mode.name,
        uclient: mode.flags,
        Tsunagi: `${told(result?.ours)}${result?.again === true ? " (second try)" : ""}`,
        coturn: told(result?.coturn),
      };
    }),
  );
  await Promise.all([...programs.map((each) => each.stop()), ours.close()]);
});

const ports = (): Ports => ({ port: ours.port, tlsPort: ours.tlsPort ?? 0 });
/** Of what it should have received; all, when it gave up before it sent anything. */
const lost = ({ sent, received }: Exchange) => (sent === 0 ? 1 : 1 - received / sent);

describe("coturn's uclient, as against coturn's server", () => {
  it.each(MODES.map((mode) => [mode.name, mode] as const))("%s", (_, mode) => {
    const { ours: mine, coturn: theirs } = results.get(mode) ?? {};
    if (mine === undefined || theirs === undefined) throw new Error("was not run");
    expect(mine.sent, mine.output).toBeGreaterThan(0);
    if (mode.mayLose === true) return;
    expect(lost(mine), mine.output).toBeLessThanOrEqual(lost(theirs));
  });

  it("needs a second try in no more than one mode: more is no accident", () => {
    const again = MODES.filter((mode) => results.get(mode)?.again === true);
    expect(again.map(({ name }) => name).slice(1)).toEqual([]);
  });

  it("stands the negative tests of the protocol, which never end", async () => {
    await runTool("turnutils_uclient", ["-R", "-y", "-u", "user", "-w", "password", "-p", `${ours.port}`, "127.0.0.1"], 4_000);
    const { sent, received } = await uclient([
      "-y",
      "-u",
      "user",
      "-w",
      "password",
      "-n",
      "5",
      "-p",
      `${ours.port}`,
      "127.0.0.1",
    ]);
    expect([received, sent > 0]).toEqual([sent, true]);
  });
});

describe("coturn's STUN clients", () => {
  it.each([
    ["127.0.0.1", /IPv4\. UDP reflexive addr: 127\.0\.0\.1:\d+/],
    ["::1", /IPv6\. UDP reflexive addr: (\[::1\]|::1):\d+/],
  ])("learns its address from %s", async (host, expected) => {
    // It would go on to ask for RESPONSE-PORT, which is not offered, and wait.
    const { output } = await runTool("turnutils_stunclient", ["-p", `${ours.port}`, host], 3_000);
    expect(output).toMatch(expected);
  });

  it("finds that there is no NAT, by the other address and port (RFC 5780)", async () => {
    const { output } = await runTool("turnutils_natdiscovery", ["-m", "-f", "-p", `${ours.port}`, "127.0.0.1"], 20_000);
    expect(output).toContain("NAT with Endpoint Independent Mapping!");
    expect(output).toContain("NAT with Endpoint Independent Filtering!");
  });
});

describe("the shared secret", () => {
  const expiry = Math.floor(Date.now() / 1000) + 3600;

  it("makes credentials at coturn's client that our server takes", async () => {
    const { sent, received, output } = await uclient([
      "-y",
      "-u",
      "alice",
      "-W",
      SECRET,
      "-n",
      "5",
      "-p",
      `${ours.port}`,
      "127.0.0.1",
    ]);
    expect([received, sent > 0], output).toEqual([sent, true]);
  });

  it("makes credentials here that coturn's server takes, and none under another secret", async () => {
    const standIn = await startCoturn(["--use-auth-secret", `--static-auth-secret=${SECRET}`]);
    try {
      const attempt = (secret: string) => {
        const { username, password } = restCredential(secret, { expiry, name: "app.peer" }, nodeStunCrypto);
        return uclient(["-y", "-u", username, "-w", password, "-n", "5", "-p", `${standIn.port}`, "127.0.0.1"], 15_000);
      };
      const { sent, received, output } = await attempt(SECRET);
      expect([received, sent > 0], output).toEqual([sent, true]);
      expect((await attempt("another")).sent).toBe(0);
    } finally {
      await standIn.stop();
    }
  });
});
