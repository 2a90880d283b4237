import { DEFAULT_LIMITS, DEFAULT_SWITCHES } from "@tsunagi/conference";
import { describe, expect, it } from "vitest";
import { importedAppSchema, planImport } from "./import.ts";

const KEY = "5bea388b-3f95-4e1e-acb5-a34efdd0c480";

const there = {
  id: "app_1",
  key: KEY,
  retiredKeys: [{ key: "before", until: 9 }],
  name: "shop",
  enabled: true,
  secrets: [{ secret: "now", createdAt: 0 }],
  origins: ["https://shop.example"],
  switches: DEFAULT_SWITCHES,
  limits: DEFAULT_LIMITS,
  webhooks: [],
  createdAt: 0,
  updatedAt: 0,
};

describe("an imported entry", () => {
  it("has domains become origins, beside those that are given, each once", () => {
    expect(
      importedAppSchema.parse({ key: KEY, origins: ["https://A.example"], domains: ["b.example", "https://a.example"] }),
    ).toEqual({
      key: KEY,
      origins: ["https://a.example", "https://b.example:*", "http://b.example:*"],
    });
    expect(importedAppSchema.parse({ key: KEY })).toEqual({ key: KEY });
    expect(importedAppSchema.parse({ key: KEY, domains: [] })).toEqual({ key: KEY, origins: [] });
  });

  it.each([
    [{}, "key"],
    [{ key: "a b" }, "key"],
    [{ key: "x".repeat(65) }, "key"],
    [{ key: KEY, secret: "" }, "secret"],
    [{ key: KEY, domains: ["*"] }, "domains.0"],
    [{ key: KEY, domains: ["https://shop.example/path"] }, "domains.0"],
    [{ key: KEY, origins: ["shop.example"] }, "origins.0"],
    [{ key: KEY, domains: Array.from({ length: 51 }, (_, n) => `a${n}.example`) }, "origins"],
    [{ key: KEY, switches: { listPeers: "yes" } }, "switches.listPeers"],
    [{ key: KEY, limits: { peers: 0 } }, "limits.peers"],
    [{ key: KEY, colour: "red" }, ""],
  ])("%j is refused at %j", (entry, at) => {
    expect(importedAppSchema.safeParse(entry).error?.issues[0]?.path.join(".")).toBe(at);
  });
});

describe("planImport", () => {
  it("makes, changes, and leaves what is as it is", () => {
    const { outcomes, steps } = planImport(
      [there],
      [
        {
          key: KEY,
          name: "store",
          secret: "next",
          origins: [],
          switches: { listPeers: false, roomLog: true },
          limits: { peers: 3 },
        },
        { key: "new-key-1234", secret: "s", enabled: false },
      ],
    );
    expect(outcomes).toEqual([
      { key: KEY, outcome: "updated", changed: ["name", "secret", "origins", "listPeers", "peers"] },
      { key: "new-key-1234", outcome: "created" },
    ]);
    expect(steps).toMatchObject([
      { type: "update", app: { id: "app_1" }, change: { name: "store", limits: { peers: 3 } }, secret: "next" },
      { type: "create", app: { name: "new-key-", key: "new-key-1234", secret: "s" }, enabled: false },
    ]);
    const same = planImport(
      [there],
      [{ key: KEY, secret: "now", origins: ["https://shop.example"], switches: { listPeers: true } }],
    );
    expect(same).toEqual({ outcomes: [{ key: KEY, outcome: "unchanged" }], steps: [] });
  });

  it("refuses a key that was rotated away, and one that stands twice", () => {
    expect(planImport([there], [{ key: "before" }, { key: "a" }, { key: "a" }]).outcomes).toMatchObject([
      { outcome: "refused", code: "store.key.taken", message: expect.stringContaining('"shop"') },
      { outcome: "created" },
      { outcome: "refused", code: "store.key.repeated" },
    ]);
  });
});
