import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "@tsunagi/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStore } from "../../store/open.ts";
import type { Store } from "../../store/store.ts";
import { AdminToken, resetAdminToken } from "./token.ts";

describe("AdminToken", () => {
  let dataDir: string;
  let store: Store;
  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "tsunagi-token-"));
    store = await openStore({ dataDir });
  });
  afterEach(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it("is made at the first start, written for its owner alone, and stored as a hash", async () => {
    const path = join(dataDir, "admin-token");
    writeFileSync(path, "left over");
    chmodSync(path, 0o644);
    const token = await AdminToken.open({ store, dataDir });
    const created = token.created ?? "";
    expect(created).toMatch(/^tsu_admin_[\w-]{43}$/);
    expect(readFileSync(path, "utf8")).toBe(`${created}\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await store.setting("admin.token.sha256", () => "")).toMatch(/^[0-9a-f]{64}$/);
    expect(await token.verify(created)).toBe(true);
    for (const wrong of ["", created.slice(0, -1), `${created}x`, created.toUpperCase()])
      expect(await token.verify(wrong)).toBe(false);
  });

  it("stays the same over a restart, and is not shown again", async () => {
    const first = await AdminToken.open({ store, dataDir });
    const again = await AdminToken.open({ store, dataDir });
    expect(again.created).toBeUndefined();
    expect(await again.verify(first.created ?? "")).toBe(true);
  });

  it("is replaced by a reset from another process within two seconds", async () => {
    const clock = new FakeClock();
    const token = await AdminToken.open({ store, dataDir, clock });
    const made = await resetAdminToken({ store, dataDir });
    expect(readFileSync(join(dataDir, "admin-token"), "utf8")).toBe(`${made}\n`);
    clock.advance(2_000);
    expect(await token.verify(token.created ?? "")).toBe(false);
    expect(await token.verify(made)).toBe(true);
  });

  it("takes the configuration's instead, if that is long enough", async () => {
    const given = "a-token-of-the-operator-s-own";
    const token = await AdminToken.open({ store, given });
    expect(token.created).toBeUndefined();
    expect(await token.verify(given)).toBe(true);
    expect(await token.verify("other")).toBe(false);
    await expect(AdminToken.open({ store, given: "short" })).rejects.toMatchObject({ code: "admin.token.weak" });
  });

  it("verifies nothing when the database holds no hash", async () => {
    await store.replaceSetting("admin.token.sha256", "broken");
    const token = await AdminToken.open({ store });
    expect(await token.verify("anything")).toBe(false);
  });
});
