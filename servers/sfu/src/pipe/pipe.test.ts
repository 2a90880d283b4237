/** Both ends of a pipe, over a real socket: what one worker says to the other. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "@tsunagi/base";
import { describe, expect, it, vi } from "vitest";
import { Inlet } from "./inlet.ts";
import { type Outlet, Outlets } from "./outlets.ts";

async function setUp() {
  const folder = process.platform === "win32" ? undefined : mkdtempSync(join(tmpdir(), "tsunagi-pipe-"));
  const path = folder === undefined ? `\\\\.\\pipe\\tsunagi-${randomBytes(8).toString("hex")}` : join(folder, "0.sock");
  const there: string[] = [];
  const here: string[] = [];
  const outlets = new Map<string, Outlet>();
  const listen = () =>
    Outlets.listen(
      path,
      {
        onSubscribed: (room, outlet) => {
          outlets.set(room, outlet);
          there.push(`+${room}`);
        },
        onUnsubscribed: (room) => {
          outlets.delete(room);
          there.push(`-${room}`);
        },
        onRtcp: (room, index, packet) => there.push(`${room} rtcp ${index} ${packet.join()}`),
        onDemand: (room, _, { publication, encodings }) => there.push(`${room} demand ${publication} ${encodings.join()}`),
      },
      silentLog,
    );
  const connect = () =>
    new Inlet(
      path,
      {
        onPacket: (room, index, packet) => here.push(`${room} ${index} ${packet.join()}`),
        onBurstEnd: () => here.push("end"),
        onData: (room, { from, text }) => here.push(`${room} ${from}: ${text}`),
      },
      silentLog,
    );
  const clean = () => folder && rmSync(folder, { recursive: true, force: true });
  return { there, here, outlets, listen, connect, clean };
}

describe("a pipe between two workers", () => {
  it("carries packets and data of the rooms that are subscribed, and RTCP and demand back", async () => {
    const { there, here, outlets, listen, connect, clean } = await setUp();
    const server = await listen();
    const inlet = connect();
    inlet.subscribe("one");
    inlet.subscribe("two");
    inlet.subscribe("two");
    await vi.waitFor(() => expect(there).toEqual(["+one", "+two"]));
    const [one, two] = [outlets.get("one"), outlets.get("two")];
    expect([one?.packet(3, Uint8Array.of(1, 2)), two?.packet(4, Uint8Array.of(5))]).toEqual([true, true]);
    one?.data({ from: "a", to: undefined, lossy: false, text: "hi" });
    await vi.waitFor(() => expect(here.filter((each) => each !== "end")).toEqual(["one 3 1,2", "two 4 5", "one a: hi"]));
    expect(here.at(-1)).toBe("end");

    there.length = 0;
    inlet.rtcp("two", 4, Uint8Array.of(9, 9));
    inlet.demand("one", { publication: "p", encodings: [true, false] });
    inlet.rtcp("unknown", 4, Uint8Array.of(9));
    inlet.unsubscribe("one");
    inlet.unsubscribe("one");
    await vi.waitFor(() => expect(there).toEqual(["two rtcp 4 9,9", "one demand p true,false", "-one"]));
    expect(inlet.rooms).toBe(1);
    // What was under way for a room that was left is not for anyone.
    here.length = 0;
    one?.packet(3, Uint8Array.of(1));
    two?.packet(4, Uint8Array.of(2));
    await vi.waitFor(() => expect(here.filter((each) => each !== "end")).toEqual(["two 4 2"]));

    inlet.close();
    await vi.waitFor(() => expect(there.at(-1)).toBe("-two"));
    server.close();
    clean();
  });

  it("that is closed while it is being made does not stay", async () => {
    const { there, listen, connect, clean } = await setUp();
    const server = await listen();
    connect().close();
    // Connections are taken in their order: when this one is heard of, that one has been there.
    const other = connect();
    other.subscribe("one");
    await vi.waitFor(() => expect(there).toEqual(["+one"]));
    await vi.waitFor(() => expect(server.connections).toBe(1));
    other.close();
    await vi.waitFor(() => expect(server.connections).toBe(0));
    server.close();
    clean();
  });

  it("is made again when the other worker is, with all that was subscribed", async () => {
    const { there, listen, connect, clean } = await setUp();
    // Before the other end is there, too.
    const inlet = connect();
    inlet.subscribe("one");
    const first = await listen();
    await vi.waitFor(() => expect(there).toEqual(["+one"]), 5_000);
    first.close();
    await vi.waitFor(() => expect(there).toEqual(["+one", "-one"]));
    inlet.subscribe("two");
    const second = await listen();
    await vi.waitFor(() => expect(there).toEqual(["+one", "-one", "+one", "+two"]), 5_000);
    inlet.close();
    second.close();
    clean();
  });
});
