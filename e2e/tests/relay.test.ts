/** Calls and data through the own TURN server alone: all pairs of browsers, each way of reaching it, and the app's switch. */
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type BrowserKind, type BrowserPage, launchChromium, startServer } from "@tsunagi/testkit/drivers";
import { beforeAll, describe, expect, it } from "vitest";
import { admin, firstApp } from "../support/admin.ts";
import { endCalls, followCalls } from "../support/calls.ts";
import { connect, disconnect, followConnections } from "../support/data.ts";
import { expectReceived, OF_CALL } from "../support/received.ts";
import { CALL, DATA, pathOf, RELAYED } from "../support/relay.ts";
import { openPeer } from "../support/sdk.ts";
import { openStage, type Stage } from "../support/stage.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await openStage({ sfu: false });
});

async function setRelay(relay: "all" | "none" | "only"): Promise<void> {
  await admin(stage.server, "PATCH", `/apps/${(await firstApp(stage.server)).id}`, { switches: { relay } });
}

async function person(name: string, kind: BrowserKind, iceServers?: RTCIceServer[]): Promise<BrowserPage> {
  const page = await stage.page(name, kind);
  await openPeer(page, stage.server, name, iceServers === undefined ? {} : { iceServers });
  await followCalls(page);
  await followConnections(page);
  return page;
}

/** One call with sound and picture both ways, and one data connection; both told the way they took. */
async function callAndConnect(from: BrowserPage, to: BrowserPage, relayProtocol?: string): Promise<void> {
  await from.evaluate((id: string) => follow(peer.call(id, helpers.signal({ colour: "#c02020", hz: 440 }))), to.name);
  await to.waitFor(() => events.includes("call"), { what: "the call" });
  await to.evaluate(() => call.answer(helpers.signal({ colour: "#20a020", hz: 880 })));
  await expectReceived(from, OF_CALL, [{ colour: "green", hz: 880 }]);
  await expectReceived(to, OF_CALL, [{ colour: "red", hz: 440 }]);
  for (const page of [from, to]) await expectRelayed(page, CALL, relayProtocol);
  await connect(from, to);
  await from.evaluate(() => void data.send({ from: "caller" }));
  await to.evaluate(() => void data.send({ from: "callee" }));
  await from.waitFor(() => JSON.stringify(received) === '[{"from":"callee"}]', { what: "data of the callee" });
  await to.waitFor(() => JSON.stringify(received) === '[{"from":"caller"}]', { what: "data of the caller" });
  for (const page of [from, to]) await expectRelayed(page, DATA, relayProtocol);
  await disconnect(from, to);
  await endCalls(from, to);
}

async function expectRelayed(page: BrowserPage, connection: string, relayProtocol: string | undefined): Promise<void> {
  const path = await pathOf(page, connection);
  expect(path, page.name).toMatchObject(RELAYED);
  if (relayProtocol !== undefined) expect(path.relayProtocol, page.name).toBe(relayProtocol);
}

describe("an app whose switch is `only`", () => {
  beforeAll(() => setRelay("only"));

  it.each([
    ["chromium", "chromium"],
    ["chromium", "firefox"],
    ["firefox", "chromium"],
  ] as const)("relays sound, picture and data from %s to %s and back", async (fromKind, toKind) => {
    const [from, to] = [await person(`from-${fromKind}`, fromKind), await person(`to-${toKind}`, toKind)];
    const servers = await from.evaluate(() => peer.iceServers);
    expect(servers.flatMap(({ urls }) => urls).every((url) => url.startsWith("turn"))).toBe(true);
    await callAndConnect(from, to);
    for (const page of [from, to]) await page.close();
  });

  it("relays a room of four, each with all others, without a message lost to a limit", async () => {
    const names = ["north", "east", "south", "west"];
    const pages: BrowserPage[] = [];
    for (const name of names) pages.push(await person(name, "chromium"));
    for (const page of pages) {
      await page.evaluate(() => {
        const small = { width: 160, height: 90, framesPerSecond: 10, audio: false };
        globalThis.room = peer.joinRoom("tea", { stream: helpers.signal(small) });
      });
    }
    for (const page of pages) {
      await page.waitFor(() => [...room.remoteStreams.values()].flat().length === 3, {
        what: "three streams",
        timeoutMs: 30_000,
      });
      const connected = () => [...room.getPeerConnections().values()].every((pc) => pc?.connectionState === "connected");
      await page.waitFor(connected, { what: "three connections", timeoutMs: 30_000 });
    }
    const { body } = await stage.server.request("/metrics");
    const dropped = body.split("\n").filter((line) => /^tsunagi_turn_dropped_packets_total/.test(line) && !line.endsWith(" 0"));
    expect(dropped.join()).not.toMatch(/reason="(rate|amplification|guessing|bandwidth)"/);
    for (const page of pages) await page.close();
  });

  it.each(["udp", "tcp"] as const)("reaches the TURN server over %s", async (transport) => {
    const pages = [await stage.page(`a-${transport}`), await stage.page(`b-${transport}`)] as const;
    for (const page of pages) {
      await openPeer(page, stage.server, `${page.name}-asks`);
      const iceServers = await page.evaluate(
        (wanted: string) =>
          peer.iceServers.map((server) => ({
            ...server,
            urls: server.urls.filter((url) => url.endsWith(wanted)),
          })) as RTCIceServer[],
        `transport=${transport}`,
      );
      await page.evaluate(() => peer.destroy());
      await openPeer(page, stage.server, page.name, { iceServers });
      await followCalls(page);
      await followConnections(page);
    }
    await callAndConnect(...pages, transport);
    for (const page of pages) await page.close();
  });
});

describe("TURN over TLS", () => {
  /** The server's own CA is trusted as if it had been installed: Chromium checks the certificates of TURN servers, too. */
  async function secureStage(share: boolean) {
    const env = { TSUNAGI_TLS_ENABLED: "true", TSUNAGI_TURN_SHARE_HTTP_PORT: String(share) };
    const server = await startServer({ sfu: false, env });
    const { publicKey } = new X509Certificate(readFileSync(join(server.dataDir, "tls", "server.pem")));
    const hash = createHash("sha256")
      .update(publicKey.export({ type: "spki", format: "der" }))
      .digest("base64");
    const browser = await launchChromium({ args: [`--ignore-certificate-errors-spki-list=${hash}`] });
    const open = async (name: string) => {
      const page = await browser.newPage({ name });
      await page.goto(stage.pages.url);
      const secure = { url: `https://localhost:${server.port}`, key: server.key };
      await openPeer(page, secure, `${name}-asks`);
      const turns = await page.evaluate(() =>
        peer.iceServers.map((each) => ({ ...each, urls: each.urls.filter((url) => url.startsWith("turns:")) })),
      );
      const iceServers = turns.filter(({ urls }) => urls.length > 0) as RTCIceServer[];
      await page.evaluate(() => peer.destroy());
      await openPeer(page, secure, name, { iceServers, iceTransportPolicy: "relay" });
      await followCalls(page);
      await followConnections(page);
      return { page, urls: iceServers.flatMap(({ urls }) => urls) };
    };
    return { server, open };
  }

  it.each([
    ["on its own port", false],
    ["on the port of https", true],
  ])("%s", async (_where, share) => {
    const { server, open } = await secureStage(share);
    const [from, to] = [await open("from-tls"), await open("to-tls")];
    const port = share ? server.port : server.turnTlsPort;
    expect(from.urls).toEqual([`turns:localhost:${port}?transport=tcp`]);
    await callAndConnect(from.page, to.page, "tls");
    for (const { page } of [from, to]) await page.close();
    await server.close();
  });
});

describe("an app whose switch goes from `all` to `only`", () => {
  it("moves a call that lives from its direct path to the relay", async () => {
    await setRelay("all");
    const [from, to] = [await person("from-living", "chromium"), await person("to-living", "chromium")];
    await from.evaluate((id: string) => follow(peer.call(id, helpers.signal({ colour: "#c02020", hz: 440 }))), to.name);
    await to.waitFor(() => events.includes("call"), { what: "the call" });
    await to.evaluate(() => call.answer(helpers.signal({ colour: "#20a020", hz: 880 })));
    await expectReceived(from, OF_CALL, [{ colour: "green", hz: 880 }]);
    expect((await pathOf(from, CALL)).local).not.toBe("relay");
    await setRelay("only");
    for (const page of [from, to]) {
      await expect.poll(() => pathOf(page, CALL), { timeout: 15_000 }).toMatchObject(RELAYED);
    }
    await expectReceived(from, OF_CALL, [{ colour: "green", hz: 880 }]);
    await expectReceived(to, OF_CALL, [{ colour: "red", hz: 440 }]);
    for (const page of [from, to]) await page.close();
  });
});

describe("an app whose switch is `none`", () => {
  it("is told of no TURN server, and connects directly", async () => {
    await setRelay("none");
    const [from, to] = [await person("from-direct", "chromium"), await person("to-direct", "chromium")];
    const servers = await from.evaluate(() => peer.iceServers);
    expect(servers).toEqual([{ urls: [expect.stringMatching(/^stun:/)] }]);
    await connect(from, to);
    expect((await pathOf(from, DATA)).local).not.toBe("relay");
    for (const page of [from, to]) await page.close();
  });
});
