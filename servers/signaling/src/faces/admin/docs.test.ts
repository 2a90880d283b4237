/** The pages for operators say what the code does. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_LIMITS, DEFAULT_SWITCHES } from "@tsunagi/conference";
import { describe, expect, it } from "vitest";
import { WEBHOOK_EVENTS } from "../../webhooks/events.ts";
import { signWebhook } from "../../webhooks/signature.ts";
import { ADMIN_CODES, STATUS } from "./errors.ts";

const page = (name: string) => readFileSync(new URL(`../../../../../docs/${name}`, import.meta.url), "utf8");

describe("docs/admin.md", () => {
  const text = page("admin.md");
  it("lists each code beside its status", () => {
    const rows = [...text.matchAll(/^\| (\d{3}) \| (.*) \|$/gm)];
    const documented = rows.flatMap(([, status, codes]) =>
      [...(codes ?? "").matchAll(/`([a-z]+\.[a-z-]+\.[a-z-]+)`/g)].map(([, code]) => [code, Number(status)] as const),
    );
    expect(Object.fromEntries(documented)).toEqual({ ...STATUS, "admin.server.failed": 500 });
    // Thrown at the start, before there is a route to answer.
    const { "admin.token.weak": _, ...answered } = ADMIN_CODES;
    for (const code of Object.keys(answered)) expect(Object.fromEntries(documented)).toHaveProperty([code]);
  });
  it("lists each switch, and each limit with its default", () => {
    for (const name of Object.keys(DEFAULT_SWITCHES)) expect(text).toContain(`| \`${name}\` |`);
    for (const [name, value] of Object.entries(DEFAULT_LIMITS))
      expect(text).toContain(`\`${name}\` | ${value.toLocaleString("en")} |`);
  });
});

describe("docs/webhooks.md", () => {
  const text = page("webhooks.md");
  it("lists each event", () => {
    for (const event of Object.keys(WEBHOOK_EVENTS)) expect(text).toContain(`\`${event}\``);
  });

  it("shows a receiver that takes what is signed, and nothing else", async () => {
    const code = /```js\n([\s\S]*?)```/.exec(text)?.[1] ?? "";
    const dir = mkdtempSync(join(tmpdir(), "tsunagi-receiver-"));
    const file = join(dir, "receiver.mjs");
    const own = code.replace("}).listen(3000);", '}).listen(0, "127.0.0.1", function () { console.log(this.address().port); });');
    expect(own).not.toBe(code);
    writeFileSync(file, own);
    const receiver = spawn(process.execPath, [file], { env: { WEBHOOK_SECRET: "s3cret" }, stdio: ["ignore", "pipe", "inherit"] });
    try {
      const [port] = await once(receiver.stdout, "data");
      const send = async (secret: string, body: string, seconds: number) => {
        const headers = { "tsunagi-signature": signWebhook(secret, body, seconds) };
        return (await fetch(`http://127.0.0.1:${String(port).trim()}/`, { method: "POST", body, headers })).status;
      };
      const now = Math.floor(Date.now() / 1_000);
      expect(await send("s3cret", '{"type":"peer.opened","名":1}', now)).toBe(204);
      expect(await send("other", '{"type":"peer.opened"}', now)).toBe(401);
      expect(await send("s3cret", '{"type":"peer.opened"}', now - 301)).toBe(401);
    } finally {
      receiver.kill();
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
