import { silentLog } from "@tsunagi/base";
import { type App, type ConferenceEvent, DEFAULT_LIMITS, DEFAULT_SWITCHES, permissionsFromSwitches } from "@tsunagi/conference";
import { FakeClock } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { ConferenceHost, type SessionSink } from "./host.ts";

const app: App = {
  id: "app",
  key: "key",
  retiredKeys: [],
  name: "app",
  enabled: true,
  secrets: [],
  origins: [],
  switches: DEFAULT_SWITCHES,
  limits: DEFAULT_LIMITS,
  webhooks: [],
  createdAt: 0,
  updatedAt: 0,
};

function sink(seen: string[], name: string): SessionSink {
  const note = (what: string) => () => void seen.push(`${name} ${what}`);
  return {
    send: (message, text) => void seen.push(`${name} ${message.type}${text === undefined ? "" : " as text"}`),
    relay: ({ from, message }) => void seen.push(`${name} ${message.type} from ${from}`),
    opened: note("opened"),
    restored: note("restored"),
    refused: (why) => void seen.push(`${name} refused ${why.code}`),
    renewed: note("renewed"),
    ended: (why) => void seen.push(`${name} ended ${why?.code ?? "itself"}`),
  };
}

function start(onEvent: (event: ConferenceEvent) => void = () => {}) {
  const clock = new FakeClock();
  const seen: string[] = [];
  const host = new ConferenceHost({ clock, log: silentLog, onEvent, graceMs: 10_000 });
  host.handle({ type: "app", app });
  const open = (peerId: string) => {
    host.register(peerId, sink(seen, peerId));
    host.handle({
      type: "open",
      session: peerId,
      appId: "app",
      peerId,
      grants: { permissions: permissionsFromSwitches(DEFAULT_SWITCHES) },
    });
  };
  return { clock, seen, host, open };
}

describe("ConferenceHost", () => {
  it("hands outputs to their sessions, texts built once for many", () => {
    const { host, seen, open } = start();
    for (const id of ["a", "b", "c"]) {
      open(id);
      const message = { type: "join", id: 1, room: "r", mode: "mesh" } as const;
      host.handle({ type: "message", session: id, message, text: JSON.stringify(message) });
    }
    expect(seen).toEqual([
      "a opened",
      "a joined",
      "b opened",
      "b joined",
      "a member-joined as text",
      "c opened",
      "c joined",
      "a member-joined as text",
      "b member-joined as text",
    ]);
  });

  it("wakes the core when it asked for it, with one timer", () => {
    const { host, seen, open, clock } = start();
    open("a");
    open("b");
    host.handle({ type: "suspend", session: "a" });
    clock.advance(5_000);
    host.handle({ type: "suspend", session: "b" });
    expect(clock.pending).toBe(1);
    clock.advance(5_000);
    expect(seen.slice(2)).toEqual(["a ended itself"]);
    clock.advance(5_000);
    expect(seen.slice(3)).toEqual(["b ended itself"]);
    expect([host.sessions, clock.pending]).toEqual([0, 0]);
  });

  it("forgets refused sessions", () => {
    const { host, seen, open } = start();
    open("a");
    open("no\nid");
    expect(seen.at(-1)).toBe("no\nid refused peer.id.invalid");
    expect(host.sessions).toBe(1);
  });

  it("goes on when an observer fails", () => {
    const { seen, open } = start(() => {
      throw new Error("observer");
    });
    open("a");
    expect(seen).toEqual(["a opened"]);
  });

  it("performs commands and says whether they found something", () => {
    const { host, seen, open } = start();
    open("a");
    expect(host.command({ type: "disconnect-peer", appId: "app", peerId: "a" })).toBe(true);
    expect(host.command({ type: "disconnect-peer", appId: "app", peerId: "a" })).toBe(false);
    expect(seen.at(-1)).toBe("a ended peer.session.disconnected");
  });

  it("leaves no timer behind", () => {
    const { host, open, clock } = start();
    open("a");
    host.handle({ type: "suspend", session: "a" });
    host.close();
    expect(clock.pending).toBe(0);
  });
});
