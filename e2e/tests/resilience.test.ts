/** The signalling process dies by SIGKILL and comes back: calls and rooms do not notice, and what was under way is finished. */
import { type BrowserPage, launchChromium, type MediaProbe, startPageServer, startServer } from "@tsunagi/testkit/drivers";
import { beforeAll, describe, expect, it } from "vitest";
import { expectNoGap } from "../support/gaps.ts";
import { callTo, joinRoom, journalOf, openPerson, pause, takeJournal, told, watching } from "../support/people.ts";
import { RawClient } from "../support/raw-client.ts";

/** How long nobody listens: more than the first attempts of a client to come back. */
const DOWN_MS = 2_000;

let openPages: (...names: string[]) => Promise<BrowserPage[]>;

beforeAll(async () => {
  const pages = await startPageServer();
  const chromium = await launchChromium();
  openPages = async (...names) => {
    const opened: BrowserPage[] = [];
    for (const name of names) {
      const page = await chromium.newPage({ name });
      await page.goto(pages.url);
      opened.push(page);
    }
    return opened;
  };
});

async function closeAll(...pages: readonly BrowserPage[]): Promise<void> {
  for (const page of pages) await page.close();
}

describe("the server is killed and started again during a call", () => {
  it("media goes on, both resume, and the call renegotiates and ends as ever", async () => {
    const server = await startServer({ sfu: false });
    const [alice, bob] = (await openPages("alice", "bob")) as [BrowserPage, BrowserPage];
    for (const page of [alice, bob]) await openPerson(page, server);
    await callTo(alice, "bob");
    const probes = [await watching(alice, "call-bob"), await watching(bob, "call-alice")];
    const transportOf = (page: BrowserPage) =>
      page.evaluate(() => {
        const pc = call.getPeerConnection();
        globalThis.helpers.kept.pc ??= pc;
        const same = helpers.kept.pc === pc;
        return `${same} ${pc?.connectionState} ${/a=ice-ufrag:\S+/.exec(pc?.localDescription?.sdp ?? "")}`;
      });
    const transports = [await transportOf(alice), await transportOf(bob)];

    await expectNoGap("call, server killed", alice, probes, async () => {
      await server.restart({ signal: "SIGKILL", downMs: DOWN_MS });
      for (const page of [alice, bob]) await told(page, "peer restored");
    });
    // The same RTCPeerConnection with the same ICE credentials: the transport was never touched.
    expect([await transportOf(alice), await transportOf(bob)]).toEqual(transports);
    for (const page of [alice, bob]) {
      expect((await takeJournal(page)).filter((line) => !/^peer (call|reconnecting)/.test(line))).toEqual(["peer restored"]);
    }

    // Either side renegotiates over the resumed session.
    for (const [page, other] of [
      [bob, alice],
      [alice, bob],
    ] as const) {
      await page.evaluate(() => {
        const more = picture({ colour: "#20c020" });
        for (const track of more.getTracks()) call.addTrack(track, more);
      });
      await other.waitFor(() => call.remoteStreams.length === 2, { what: "the second stream" });
    }
    await alice.evaluate(() => call.close());
    await told(bob, "call close hung-up");

    // And a second kill while idle: the next call finds its way.
    await server.restart({ signal: "SIGKILL" });
    for (const page of [alice, bob]) await told(page, "peer restored");
    await callTo(bob, "alice");
    await watching(alice, "call-bob");
    await closeAll(alice, bob);
    await server.close();
  });

  it("a hang-up while nobody listens reaches the other side afterwards", async () => {
    const server = await startServer({ sfu: false });
    const [alice, bob] = (await openPages("alice", "bob")) as [BrowserPage, BrowserPage];
    for (const page of [alice, bob]) await openPerson(page, server);
    await callTo(alice, "bob");
    await watching(bob, "call-alice");
    await server.kill("SIGKILL");
    await told(bob, "peer reconnecting");
    await bob.evaluate(() => call.close());
    await server.start();
    await told(alice, "call close hung-up");
    await callTo(alice, "bob");
    await watching(alice, "call-bob");
    await closeAll(alice, bob);
    await server.close();
  });
});

describe("the server is killed and started again during a mesh room", () => {
  it("media goes on between all three, nobody sees a leave, a fourth can join, and a leave is a leave", async () => {
    const server = await startServer({ sfu: false });
    const three = await openPages("ann", "ben", "cat");
    const [ann, ben, cat] = three as [BrowserPage, BrowserPage, BrowserPage];
    const names = three.map(({ name }) => name);
    for (const page of three) {
      await openPerson(page, server);
      await joinRoom(page, "tea");
      await page.waitFor(() => room.open, { what: "the room's open" });
    }
    const probes: MediaProbe[] = [];
    for (const page of three) {
      for (const other of names.filter((name) => name !== page.name)) probes.push(await watching(page, `room-${other}`));
    }
    for (const page of three) await takeJournal(page);

    await expectNoGap("room of 3, server killed", ann, probes, async () => {
      await server.kill("SIGKILL");
      await told(ann, "peer reconnecting");
      await ann.evaluate(() => room.send("said while nobody listened"));
      await pause(DOWN_MS);
      await server.start();
      for (const page of three) await told(page, "peer restored");
    });
    for (const page of [ben, cat]) {
      await page.waitFor(() => heard.length > 0, { what: "the data" });
      expect(await page.evaluate(() => heard)).toEqual(['ann: "said while nobody listened"']);
    }

    const [dan] = (await openPages("dan")) as [BrowserPage];
    await openPerson(dan, server);
    await joinRoom(dan, "tea");
    for (const name of names) await watching(dan, `room-${name}`);
    for (const page of three) await watching(page, "room-dan");
    for (const page of three) {
      // No peerLeave, no second peerJoin of those who were there, no link touched.
      expect((await takeJournal(page)).filter((line) => line !== "peer reconnecting")).toEqual([
        "peer restored",
        "room peerJoin dan",
      ]);
    }
    const membersOf = (page: BrowserPage) => page.evaluate(() => [...room.members.keys()].sort());
    for (const page of [...three, dan]) {
      expect(await membersOf(page)).toEqual([...names, "dan"].filter((name) => name !== page.name).sort());
    }

    await cat.evaluate(() => room.close());
    for (const page of [ann, ben, dan]) await told(page, "room peerLeave cat");
    await closeAll(...three, dan);
    await server.close();
  });

  it("a member that does not come back is reported as left after the grace time, and not before", async () => {
    const graceMs = 5_000;
    const server = await startServer({ sfu: false, env: { TSUNAGI_SESSION_GRACE_MS: String(graceMs) } });
    const [eve, fay, gus] = (await openPages("eve", "fay", "gus")) as [BrowserPage, BrowserPage, BrowserPage];
    for (const page of [eve, fay, gus]) {
      await openPerson(page, server);
      await joinRoom(page, "tea");
      await page.waitFor(() => room.open, { what: "the room's open" });
    }
    await watching(eve, "room-gus");
    await server.kill("SIGKILL");
    await gus.close();
    await server.start();
    for (const page of [eve, fay]) await told(page, "peer restored");
    const restoredAt = performance.now();
    expect(await eve.evaluate(() => room.members.has("gus"))).toBe(true);
    await Promise.all([eve, fay].map((page) => told(page, "room peerLeave gus", graceMs + 5_000)));
    console.log(
      `member that stays away: leave seen ${Math.round(performance.now() - restoredAt)} ms after the resume, grace ${graceMs} ms`,
    );
    for (const page of [eve, fay]) {
      expect((await journalOf(page)).filter((line) => line.includes("peerLeave"))).toEqual(["room peerLeave gus"]);
    }
    // The same without a restart: a client whose socket breaks is a member until its grace time is over.
    const ghost = await RawClient.open(server, "ghost");
    ghost.send({ type: "join", id: 1, room: "tea", mode: "mesh", receiveOnly: true });
    await told(eve, "room peerJoin ghost");
    ghost.socket.terminate();
    const goneAt = performance.now();
    await told(eve, "room peerLeave ghost", graceMs + 5_000);
    expect(performance.now() - goneAt).toBeGreaterThan(graceMs - 500);
    await closeAll(eve, fay);
    await server.close();
  });
});

describe("the server is killed and started again while it rings", () => {
  it("the call is answered, rejected, cancelled, or answered while nobody listens, as if nothing had happened", async () => {
    const server = await startServer({ sfu: false });
    const [alice, bob] = (await openPages("alice", "bob")) as [BrowserPage, BrowserPage];
    await openPerson(alice, server);
    await openPerson(bob, server, "by-hand");
    const ringing = async () => {
      await callTo(alice, "bob");
      await told(bob, "peer call alice");
      for (const page of [alice, bob]) await takeJournal(page);
    };
    const restored = async () => {
      for (const page of [alice, bob]) await told(page, "peer restored");
    };

    await ringing();
    await server.restart({ signal: "SIGKILL", downMs: 500 });
    await restored();
    expect(await journalOf(bob)).not.toContain("peer call alice");
    await bob.evaluate(() => call.answer(picture()));
    await watching(alice, "call-bob");
    await watching(bob, "call-alice");
    await alice.evaluate(() => call.close());
    await told(bob, "call close hung-up");

    await ringing();
    await server.restart({ signal: "SIGKILL" });
    await restored();
    await bob.evaluate(() => call.reject("busy"));
    await told(alice, "call reject busy");

    await ringing();
    await server.kill("SIGKILL");
    await told(alice, "peer reconnecting");
    await alice.evaluate(() => call.close());
    await server.start();
    await told(bob, "call close cancelled");

    await ringing();
    await server.kill("SIGKILL");
    await told(bob, "peer reconnecting");
    await bob.evaluate(() => call.answer(picture()));
    await server.start();
    await watching(alice, "call-bob");
    await watching(bob, "call-alice");
    await closeAll(alice, bob);
    await server.close();
  });
});

describe("the server is killed while something is just under way", () => {
  // From before the offer leaves to after the first candidates.
  it.each([0, 60])("a call and a join, %i ms after they began", async (afterMs) => {
    const server = await startServer({ sfu: false });
    const [alice, bob, cat] = (await openPages("alice", "bob", "cat")) as [BrowserPage, BrowserPage, BrowserPage];
    for (const page of [alice, bob, cat]) await openPerson(page, server);
    await joinRoom(cat, "tea");
    await cat.waitFor(() => room.open, { what: "the room's open" });
    await Promise.all([callTo(alice, "bob"), joinRoom(bob, "tea"), pause(afterMs).then(() => server.kill("SIGKILL"))]);
    await server.start();
    await Promise.all([
      watching(alice, "call-bob"),
      watching(bob, "call-alice"),
      watching(cat, "room-bob"),
      watching(bob, "room-cat"),
    ]);
    for (const page of [alice, bob, cat]) {
      expect((await journalOf(page)).filter((line) => /error|close|peerLeave|reject/.test(line))).toEqual([]);
    }
    expect(await cat.evaluate(() => [...room.members.keys()])).toEqual(["bob"]);
    await alice.evaluate(() => call.close());
    await told(bob, "call close hung-up");
    await bob.evaluate(() => room.close());
    await told(cat, "room peerLeave bob");
    await closeAll(alice, bob, cat);
    await server.close();
  });
});
