import { expect, it } from "vitest";
import type { Sdk } from "../sdk.ts";
import { openPeer } from "./peer.ts";

function setUp(fail = false) {
  const listeners = new Map<string, (value?: unknown) => void>();
  const told: string[] = [];
  const fake = { on: (name: string, listener: (value?: unknown) => void) => void listeners.set(name, listener) };
  const createPeer = () => {
    if (fail) throw Object.assign(new Error("no address"), { code: "signal.options.invalid" });
    return fake;
  };
  const peer = openPeer(
    { sdk: { createPeer } as unknown as Sdk },
    { key: "key" },
    {
      onOpen: (opened) => told.push(opened === (fake as unknown) ? "open" : "another"),
      onLink: (link) => told.push(link.state),
      onEnd: ({ code }) => told.push(code),
    },
  );
  const fire = (name: string, value?: unknown) => listeners.get(name)?.(value);
  return { peer, told, fire };
}

it("tells of its opening, its link and its end, with the last error", () => {
  const { told, fire } = setUp();
  fire("open");
  fire("reconnecting", { attempt: 2 });
  fire("reconnected");
  expect(told.splice(0)).toEqual(["open", "reconnecting", "up"]);
  fire("close");
  expect(told.splice(0)).toEqual(["meet.connection.closed"]);
  fire("error", Object.assign(new Error("too long"), { code: "signal.server.unreachable" }));
  fire("close");
  expect(told).toEqual(["signal.server.unreachable"]);
});

it("takes no calls and no data", () => {
  const { fire } = setUp();
  const ended: unknown[] = [];
  fire("call", { reject: (why: string) => ended.push(why) });
  fire("connection", { close: () => ended.push("closed") });
  expect(ended).toEqual(["busy", "closed"]);
});

it("ends where it cannot be made", () => {
  const { peer, told } = setUp(true);
  expect([peer, told]).toEqual([undefined, ["signal.options.invalid"]]);
});
