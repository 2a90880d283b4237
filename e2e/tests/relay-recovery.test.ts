/**
 * The TURN server ends and comes back under calls that have no other path: picture and sound are back within 5 seconds of it. Each case has
 * a server of its own and mostly waits, so they run beside each other.
 */
import {
  type BrowserKind,
  type BrowserPage,
  launchChromium,
  launchFirefox,
  type ServerProcess,
  startPageServer,
  startServer,
  type TestBrowser,
} from "@tsunagi/testkit/drivers";
import { beforeAll, describe, expect, it } from "vitest";
import { admin, firstApp, metric } from "../support/admin.ts";
import { hasCoturn, startCoturn } from "../support/coturn.ts";
import { connect, followConnections } from "../support/data.ts";
import { expectNoGap } from "../support/gaps.ts";
import { callTo, openPerson, pause, watching } from "../support/people.ts";
import { CALL, DATA, pathOf, RELAYED } from "../support/relay.ts";

/** The issue's own figure. */
const BACK_WITHIN_MS = 5_000;

type Kinds = readonly [caller: BrowserKind, callee: BrowserKind];
let openPages: (kinds?: Kinds) => Promise<[BrowserPage, BrowserPage]>;

beforeAll(async () => {
  const [pages, chromium] = await Promise.all([startPageServer(), launchChromium()]);
  let firefox: Promise<TestBrowser> | undefined;
  openPages = async ([caller, callee] = ["chromium", "chromium"]) => {
    const browserOf = (kind: BrowserKind) => {
      if (kind === "chromium") return chromium;
      firefox ??= launchFirefox();
      return firefox;
    };
    const alice = await (await browserOf(caller)).newPage({ name: "alice" });
    const bob = await (await browserOf(callee)).newPage({ name: "bob" });
    for (const page of [alice, bob]) await page.goto(pages.url);
    return [alice, bob];
  };
});

type Turn = { readonly kill: () => Promise<void>; readonly start: () => Promise<void> };

/** A relayed call; its TURN server is away for a while. Measures from the moment it is there again. */
async function survives(what: string, server: ServerProcess, turn: Turn, downMs: number, kinds?: Kinds): Promise<number> {
  const [alice, bob] = await openPages(kinds);
  for (const page of [alice, bob]) await openPerson(page, server);
  await callTo(alice, "bob");
  const probes = [await watching(alice, "call-bob"), await watching(bob, "call-alice")];
  // Long enough for a steady flow.
  await pause(2_000);
  for (const page of [alice, bob]) expect(await pathOf(page, CALL)).toMatchObject(RELAYED);
  await turn.kill();
  await pause(downMs);
  await turn.start();
  const backAt = performance.now();
  await Promise.all(probes.map((probe) => probe.expectVideo({ frames: 5, withinMs: 30_000 })));
  const tookMs = Math.round(performance.now() - backAt);
  console.log(`${what}, away for ${downMs} ms: picture back ${tookMs} ms after it`);
  for (const page of [alice, bob]) expect(await pathOf(page, CALL)).toMatchObject(RELAYED);
  for (const page of [alice, bob]) await page.close();
  return tookMs;
}

async function relayOnly(server: ServerProcess): Promise<void> {
  await admin(server, "PATCH", `/apps/${(await firstApp(server)).id}`, { switches: { relay: "only" } });
}

// First, since it takes longest.
describe.concurrent("credentials that end during a call", () => {
  it("are renewed while it goes on, and an ICE restart later uses fresh ones", async () => {
    // Chromium refreshes a relay when half of such a short life is over: here with a credential that has ended.
    const env = { TSUNAGI_TURN_CREDENTIAL_LIFETIME_S: "10", TSUNAGI_TURN_LIMITS_DEFAULT_LIFETIME_S: "20" };
    const server = await startServer({ sfu: false, env });
    await relayOnly(server);
    const [alice, bob] = await openPages();
    for (const page of [alice, bob]) await openPerson(page, server);
    await callTo(alice, "bob");
    const probes = [await watching(alice, "call-bob"), await watching(bob, "call-alice")];
    const usernameOf = (page: BrowserPage) =>
      page.evaluate(() => call.getPeerConnection()?.getConfiguration().iceServers?.[0]?.username ?? "");
    const first = [await usernameOf(alice), await usernameOf(bob)];
    const startedAt = Date.now();
    await expectNoGap("call over two lifetimes of its credentials", alice, probes, () => pause(22_000));
    expect(await metric(server, 'tsunagi_turn_requests_total{method="refresh"}')).toBeGreaterThanOrEqual(4);
    expect(await metric(server, "tsunagi_turn_authentication_failures_total")).toBe(0);
    const later = [await usernameOf(alice), await usernameOf(bob)];
    const expiryOf = (username = "") => Number(username.split(":", 1)[0]) * 1_000;
    for (const [index, username] of later.entries()) {
      expect(expiryOf(first[index])).toBeLessThan(Date.now());
      expect(expiryOf(username)).toBeGreaterThan(Date.now());
    }
    expect(Date.now() - startedAt).toBeGreaterThan(21_000);
    const ufragOf = (page: BrowserPage) =>
      page.evaluate(() => /a=ice-ufrag:\S+/.exec(call.getPeerConnection()?.localDescription?.sdp ?? "")?.[0]);
    // Either side begins it: the one that offers, and the one that asks for it.
    for (const [page, probe] of [
      [alice, probes[1]],
      [bob, probes[0]],
    ] as const) {
      const before = [await ufragOf(alice), await ufragOf(bob)];
      await page.evaluate(() => call.restartIce());
      for (const [index, side] of [alice, bob].entries()) {
        await side.waitFor(
          (old: string) => !call.getPeerConnection()?.localDescription?.sdp.includes(`${old}\r\n`),
          { what: "new ICE credentials" },
          before[index] ?? "",
        );
      }
      await pause(2_000);
      for (const side of [alice, bob]) {
        expect(await side.evaluate(() => call.getPeerConnection()?.iceConnectionState)).toMatch(/connected|completed/);
        expect(await pathOf(side, CALL)).toMatchObject(RELAYED);
      }
      await probe?.expectVideo({ frames: 5 });
    }
    // The side that answers changes what it sends while it has new servers, too.
    await bob.evaluate(() => {
      const more = picture({ colour: "#20c020" });
      for (const track of more.getTracks()) call.addTrack(track, more);
    });
    await alice.waitFor(() => call.remoteStreams.length === 2, { what: "the second stream" });
    await probes[0]?.expectVideo({ frames: 5 });
    await server.close();
  });
});

describe.skipIf(!hasCoturn).concurrent("a TURN server of its own process, with signalling going on", () => {
  it.each([
    ["udp", 500],
    ["tcp", 4_000],
  ] as const)("over %s, away for %d ms", async (transport, downMs) => {
    const secret = "a-secret-for-both-of-them";
    const coturn = await startCoturn(secret);
    const urls = [`turn:127.0.0.1:${coturn.port}?transport=${transport}`];
    const server = await startServer({
      sfu: false,
      env: { TSUNAGI_TURN_ENABLED: "false", TSUNAGI_EXTERNAL_TURN: JSON.stringify([{ urls, secret }]) },
    });
    await relayOnly(server);
    expect(await survives(`coturn over ${transport}`, server, coturn, downMs)).toBeLessThan(BACK_WITHIN_MS);
    await server.close();
    await coturn.kill();
  });
});

describe.concurrent("the own TURN server, with everything else in one process", () => {
  it.each([
    ["killed", "SIGKILL", 12_000],
    ["stopped in order", "SIGTERM", 1_000],
  ] as const)("%s by %s, away for %d ms", async (how, signal, downMs) => {
    const server = await startServer({ sfu: false });
    await relayOnly(server);
    const turn = { kill: () => server.kill(signal), start: () => server.start() };
    expect(await survives(how, server, turn, downMs)).toBeLessThan(BACK_WITHIN_MS);
    await server.close();
  });
});

describe.concurrent("a call between Chromium and Firefox over the own TURN server", () => {
  it("goes on when the server is killed and away for a second", async () => {
    const kinds = ["chromium", "firefox"] as const;
    const server = await startServer({ sfu: false });
    await relayOnly(server);
    const turn = { kill: () => server.kill("SIGKILL"), start: () => server.start() };
    expect(await survives(kinds.join(" to "), server, turn, 1_000, kinds)).toBeLessThan(BACK_WITHIN_MS);
    await server.close();
  });
});

describe.concurrent("an idle data connection over the own TURN server", () => {
  it("carries messages again soon after the server is back", async () => {
    const server = await startServer({ sfu: false });
    await relayOnly(server);
    const [alice, bob] = await openPages();
    for (const page of [alice, bob]) {
      await openPerson(page, server);
      await followConnections(page);
    }
    await connect(alice, bob);
    await pause(2_000);
    for (const page of [alice, bob]) expect(await pathOf(page, DATA)).toMatchObject(RELAYED);
    await server.restart({ signal: "SIGKILL", downMs: 500 });
    const backAt = performance.now();
    await alice.evaluate(() => void data.send("after"));
    await bob.waitFor(() => received.length === 1, { what: "the message", timeoutMs: 30_000 });
    const tookMs = Math.round(performance.now() - backAt);
    console.log(`TURN server away for 500 ms under an idle data connection: a message arrives ${tookMs} ms after it`);
    expect(tookMs).toBeLessThan(BACK_WITHIN_MS);
    await server.close();
  });
});
