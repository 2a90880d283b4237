import { describe, expect, it } from "vitest";
import { makeApp, Sim } from "./support.ts";

describe("looking peers up", () => {
  it("tells which are there", () => {
    const sim = new Sim();
    const a = sim.open("a");
    sim.open("b");
    a.send({ type: "presence", id: 1, peers: ["b", "c", "a"] });
    expect(a.take()).toEqual([{ type: "presence", re: 1, present: ["b", "a"] }]);
  });

  it("lists all in pages, also when the peer at the cursor has gone", () => {
    const sim = new Sim();
    const clients = Array.from({ length: 2_500 }, (_, index) => sim.open(`p${index}`));
    const asker = sim.open("asker");
    const listed: string[] = [];
    let after: string | undefined;
    for (let page = 0; page < 3; page += 1) {
      asker.send({ type: "list-peers", id: page, ...(after === undefined ? {} : { after }) });
      const [reply] = asker.take();
      if (reply?.type !== "peers") throw new Error("no list");
      listed.push(...reply.peers);
      after = reply.next;
      if (page === 0) clients[999]?.bye();
    }
    expect(after).toBeUndefined();
    expect(listed).toEqual([...clients.map(({ peerId }) => peerId), "asker"]);
  });

  it("is refused where it is switched off", () => {
    const sim = new Sim([makeApp("app")]);
    const a = sim.open("a", { permissions: { listPeers: false } });
    a.send({ type: "presence", id: 1, peers: ["a"] }).send({ type: "list-peers", id: 2 });
    expect(a.take()).toMatchObject([
      { type: "error", code: "auth.permission.denied", re: 1 },
      { type: "error", code: "auth.permission.denied", re: 2 },
    ]);
  });
});
