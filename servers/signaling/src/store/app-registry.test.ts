import { type App, DEFAULT_LIMITS, DEFAULT_SWITCHES } from "@tsunagi/conference";
import { FakeClock } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { AppRegistry } from "./app-registry.ts";

function app(id: string, change: Partial<App> = {}): App {
  return {
    id,
    key: `key-${id}`,
    retiredKeys: [],
    name: id,
    enabled: true,
    secrets: [{ secret: "s", createdAt: 0 }],
    origins: [],
    switches: DEFAULT_SWITCHES,
    limits: DEFAULT_LIMITS,
    webhooks: [],
    createdAt: 0,
    updatedAt: 0,
    ...change,
  };
}

class FakeStore {
  apps: App[] = [];
  n = 0;
  lists = 0;
  down = false;
  gate: Promise<void> | undefined;

  set(...apps: App[]) {
    this.apps = apps;
    this.n += 1;
  }
  async revision() {
    if (this.down) throw new Error("down");
    return this.n;
  }
  async listApps() {
    this.lists += 1;
    const apps = [...this.apps];
    await this.gate;
    return apps;
  }
}

async function opened(...apps: App[]) {
  const store = new FakeStore();
  store.set(...apps);
  const clock = new FakeClock();
  const warnings: string[] = [];
  const log = {
    error: () => {},
    warn: (_: unknown, m: string) => warnings.push(m),
    info: (_: unknown, m: string) => warnings.push(m),
    debug: () => {},
  };
  const registry = await AppRegistry.open(store, { clock, log, pollMs: 2_000 });
  const seen: string[] = [];
  registry.events.on("changed", (now, previous) => seen.push(`${previous === undefined ? "new" : "changed"} ${now.id}`));
  registry.events.on("removed", (gone) => seen.push(`removed ${gone.id}`));
  return { store, clock, registry, seen, warnings };
}

describe("AppRegistry", () => {
  it("finds an app by its key, by a retired one until its time, and by ID", async () => {
    const a = app("a", { retiredKeys: [{ key: "old", until: 5_000 }], enabled: false });
    const { registry } = await opened(a, app("b"));
    expect(registry.byKey("key-a", 0)).toEqual(a);
    expect(registry.byKey("old", 4_999)).toEqual(a);
    expect(registry.byKey("old", 5_000)).toBeUndefined();
    expect(registry.byKey("none", 0)).toBeUndefined();
    expect(registry.byId("b")?.id).toBe("b");
    expect(registry.apps().map((each) => each.id)).toEqual(["a", "b"]);
  });

  it("hears of another process's changes at the next poll, and reads no app while nothing changed", async () => {
    const { store, clock, registry, seen } = await opened(app("a"), app("b"), app("c"));
    await clock.advanceAsync(10_000);
    expect(store.lists).toBe(1);
    const kept = registry.byId("c");
    store.set(app("a", { key: "rotated", retiredKeys: [{ key: "key-a", until: 1 }] }), app("c"), app("d"));
    await clock.advanceAsync(2_000);
    expect(seen).toEqual(["changed a", "new d", "removed b"]);
    expect(registry.byKey("rotated", 0)?.id).toBe("a");
    expect(registry.byKey("key-b", 0)).toBeUndefined();
    expect(registry.byId("c")).toBe(kept);
  });

  it("sees a write of this process once refresh resolves, also when a load was under way", async () => {
    const { store, registry } = await opened(app("a"));
    let open = () => {};
    store.gate = new Promise((resolve) => {
      open = resolve;
    });
    store.set(app("b"));
    const first = registry.refresh();
    await Promise.resolve();
    await Promise.resolve();
    store.set(app("c"));
    const second = registry.refresh();
    open();
    await Promise.all([first, second]);
    expect(registry.apps().map((each) => each.id)).toEqual(["c"]);
  });

  it("goes on with what it has while the store is down, saying so once", async () => {
    const { store, clock, registry, warnings, seen } = await opened(app("a"));
    store.down = true;
    await clock.advanceAsync(10_000);
    expect(registry.byKey("key-a", 0)?.id).toBe("a");
    expect(warnings).toHaveLength(1);
    await expect(registry.refresh()).rejects.toThrow("down");
    store.down = false;
    store.set(app("a", { name: "new name" }));
    await clock.advanceAsync(2_000);
    expect(seen).toEqual(["changed a"]);
    expect(warnings).toHaveLength(2);
  });

  it("stops polling once closed", async () => {
    const { store, clock, registry, seen } = await opened(app("a"));
    registry.close();
    registry.close();
    store.set();
    await clock.advanceAsync(10_000);
    expect(seen).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
