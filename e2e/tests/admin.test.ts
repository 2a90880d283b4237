/** The operator acts while clients are there: each client hears what happened, in its own words. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import {
  type BrowserPage,
  cliProgram,
  launchChromium,
  type ServerProcess,
  startPageServer,
  startServer,
} from "@tsunagi/testkit/drivers";
import { beforeAll, describe, expect, it } from "vitest";
import { type AdminApp, admin, firstApp } from "../support/admin.ts";
import { callTo, joinRoom, journalOf, openPerson, told, watching } from "../support/people.ts";
import { RawClient } from "../support/raw-client.ts";

const CLI = cliProgram();
/** How long a change by another process may take to reach a running server. */
const SEEN_WITHIN_MS = 10_000;

let server: ServerProcess;
let app: AdminApp;
let alice: BrowserPage;
let bob: BrowserPage;

beforeAll(async () => {
  server = await startServer();
  app = await firstApp(server);
  const pages = await startPageServer();
  const chromium = await launchChromium();
  alice = await chromium.newPage({ name: "alice" });
  bob = await chromium.newPage({ name: "bob" });
  for (const page of [alice, bob]) {
    await page.goto(pages.url);
    await openPerson(page, server);
    await joinRoom(page, "tea");
    await page.waitFor(() => room.open, { what: "the room's open" });
  }
});

const command = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)(process.execPath, [CLI, ...args, "--data-dir", server.dataDir])).stdout;

describe("the operator", () => {
  it("sees the members, sends data into the room, takes one out and closes it", async () => {
    await watching(alice, "room-bob");
    const { rooms } = await admin<{ rooms: { room: string }[] }>(server, "GET", `/apps/${app.id}/rooms`);
    expect(rooms.map(({ room }) => room)).toEqual(["tea"]);
    await admin(server, "POST", `/apps/${app.id}/rooms/tea/data`, { data: { notice: "We close at six." } });
    for (const page of [alice, bob]) {
      await page.waitFor(() => heard.length === 1, { what: "the operator's data" });
      expect(await page.evaluate(() => heard)).toEqual(['undefined: {"notice":"We close at six."}']);
    }
    await admin(server, "DELETE", `/apps/${app.id}/rooms/tea/members/bob`);
    await told(bob, "room close room.operator.removed");
    await told(alice, "room peerLeave bob");
    expect(await journalOf(alice)).not.toContain("room close room.operator.removed");
    await admin(server, "DELETE", `/apps/${app.id}/rooms/tea`);
    await told(alice, "room close room.operator.closed");
    // Out of the room is not out of the service.
    await joinRoom(bob, "tea");
    await bob.waitFor(() => room.open, { what: "the room's open" });
  });

  it("disconnects a peer: it hears the code, its call ends for the other one", async () => {
    await callTo(alice, "bob");
    await watching(alice, "call-bob");
    await admin(server, "DELETE", `/apps/${app.id}/peers/bob`);
    await told(bob, "peer error peer.session.disconnected");
    await told(bob, "peer close");
    await told(alice, "call close peer-left");
    expect(await alice.evaluate(() => peer.open)).toBe(true);
    expect(await bob.evaluate(() => peer.connections.size)).toBe(0);
  });

  it("rotates the key with an overlap, then without: open sessions go on, new ones need the new key", async () => {
    const wrong = async (key: string) => {
      const client = await RawClient.connect(server);
      client.send({ type: "open", version: 1, key });
      const { type, code } = await client.next();
      client.socket.terminate();
      return type === "opened" ? undefined : code;
    };
    const until = async (key: string, code: string | undefined) => {
      const startedAt = performance.now();
      while ((await wrong(key)) !== code) {
        if (performance.now() - startedAt > SEEN_WITHIN_MS) throw new Error(`the key is not ${code ?? "good"} yet`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      return Math.round(performance.now() - startedAt);
    };
    const first = server.key;
    const second = (JSON.parse(await command("keys", "rotate", first, "--overlap", "1h", "--json", "--yes")) as { key: string })
      .key;
    expect(second).not.toBe(first);
    const seenMs = await until(second, undefined);
    expect(await wrong(first)).toBeUndefined();
    console.log(`a key rotated by another process is known after ${seenMs} ms`);
    const third = (JSON.parse(await command("keys", "rotate", second, "--overlap", "0", "--json", "--yes")) as { key: string })
      .key;
    await until(third, undefined);
    expect(await wrong(second)).toBe("auth.key.unknown");
    expect(await alice.evaluate(() => peer.open)).toBe(true);
    // A session that is open is not touched, and resumes without the key.
    await server.restart({ signal: "SIGKILL" });
    await told(alice, "peer restored");
  });

  it("switches the app off: everyone hears why", async () => {
    await admin(server, "PATCH", `/apps/${app.id}`, { enabled: false });
    await told(alice, "peer error auth.key.unknown");
    await told(alice, "peer close");
  });
});
