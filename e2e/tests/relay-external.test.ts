/** Another's TURN server in place of the own one: coturn, which shares a secret with this server. */
import { launchChromium, type ServerProcess, startPageServer, startServer } from "@tsunagi/testkit/drivers";
import { beforeAll, describe, expect, it } from "vitest";
import { admin, firstApp } from "../support/admin.ts";
import { endCalls, followCalls } from "../support/calls.ts";
import { type Coturn, hasCoturn, startCoturn } from "../support/coturn.ts";
import { expectReceived, OF_CALL } from "../support/received.ts";
import { CALL, pathOf, RELAYED } from "../support/relay.ts";
import { openPeer } from "../support/sdk.ts";

const SECRET = "a-secret-for-both-of-them";

if (!hasCoturn) process.stderr.write("SKIPPED: tests with coturn, which is not installed\n");

describe.skipIf(!hasCoturn)("coturn configured as externalTurn, the own server off", () => {
  let server: ServerProcess;
  let coturn: Coturn;

  beforeAll(async () => {
    coturn = await startCoturn(SECRET);
    const urls = [`turn:127.0.0.1:${coturn.port}?transport=udp`];
    server = await startServer({
      env: { TSUNAGI_TURN_ENABLED: "false", TSUNAGI_EXTERNAL_TURN: JSON.stringify([{ urls, secret: SECRET }]) },
    });
    await admin(server, "PATCH", `/apps/${(await firstApp(server)).id}`, { switches: { relay: "only" } });
  });

  it("relays a call with the credentials that this server signs", async () => {
    const pages = await startPageServer();
    const chromium = await launchChromium();
    const [alice, bob] = await Promise.all(["alice", "bob"].map((name) => chromium.newPage({ name })));
    if (alice === undefined || bob === undefined) throw new Error("no pages");
    for (const page of [alice, bob]) {
      await page.goto(pages.url);
      await openPeer(page, server, page.name);
      await followCalls(page);
    }
    const told = await alice.evaluate(() => peer.iceServers);
    expect(told).toMatchObject([
      { urls: [`turn:127.0.0.1:${coturn.port}?transport=udp`], credential: expect.stringMatching(/^.{28}$/) },
    ]);
    await alice.evaluate(() => follow(peer.call("bob", helpers.signal({ colour: "#c02020", hz: 440 }))));
    await bob.waitFor(() => globalThis.call !== undefined, { what: "the call" });
    await bob.evaluate(() => call.answer(helpers.signal({ colour: "#20a020", hz: 880 })));
    await expectReceived(alice, OF_CALL, [{ colour: "green", hz: 880 }]);
    await expectReceived(bob, OF_CALL, [{ colour: "red", hz: 440 }]);
    for (const page of [alice, bob]) {
      expect(await pathOf(page, CALL)).toMatchObject({ ...RELAYED, relayProtocol: "udp" });
    }
    await endCalls(alice, bob);
  });
});
