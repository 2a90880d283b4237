/** The built server as a process: up with an address and a key, killed and up again as the same one. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLan, startServer } from "@tsunagi/testkit/drivers";
import { describe, expect, it } from "vitest";
import { describeNetns } from "../support/netns.ts";

describe("server", () => {
  it("comes up with a key, and after SIGKILL again on the same ports with the same key", async () => {
    const server = await startServer();
    expect((await server.request("/readyz")).status).toBe(200);
    expect((await server.request("/config.json")).json<{ key: string }>().key).toBe(server.key);
    const { key, port, turnPort } = server;
    await server.kill("SIGKILL");
    await expect(server.request("/readyz")).rejects.toThrow();
    await server.start();
    expect((await server.request("/readyz")).status).toBe(200);
    expect({ key: server.key, port: server.port, turnPort: server.turnPort }).toEqual({ key, port, turnPort });
    await server.close();
  });

  it("reads its configuration again at SIGHUP, and goes on with the old one when the new one is broken", async () => {
    const directory = mkdtempSync(join(tmpdir(), "tsunagi-config-"));
    const file = join(directory, "tsunagi.config.yaml");
    writeFileSync(file, "turn: { users: { camera: first } }");
    const server = await startServer({ args: ["--config", file] });
    for (const [content, line] of [
      ["turn: { users: { camera: second } }", /"changed":\["turn.users"\].*reloaded/],
      ["turn: { users: [", /config\.file\.malformed.*the old one stays/],
    ] as const) {
      writeFileSync(file, content);
      server.signal("SIGHUP");
      await expect.poll(() => server.log(), { timeout: 5_000 }).toMatch(line);
      expect((await server.request("/readyz")).status).toBe(200);
    }
    expect(server.log()).not.toMatch(/camera|second/);
    await server.close();
    rmSync(directory, { recursive: true });
  });

  it("ends by itself after SIGTERM", async () => {
    const server = await startServer();
    const startedAt = performance.now();
    await server.kill("SIGTERM");
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await server.close();
  });
});

describeNetns("server on a network", () => {
  it("answers on its host's address, and not while its cable is out", async () => {
    const lan = await createLan();
    const [machine, client] = [await lan.host("server"), await lan.host("client")];
    const server = await startServer({ host: machine });
    expect(server.url).toContain(machine.addresses[0]);
    expect((await server.request("/readyz")).status).toBe(200);
    // Without the exit it would go on trying to connect.
    const look = () =>
      client.exec(
        process.execPath,
        "-e",
        "fetch(process.argv[1], { signal: AbortSignal.timeout(1500) }).then((r) => console.log(r.status), () => console.log('none')).then(() => process.exit())",
        `${server.url}/readyz`,
      );
    expect((await look()).trim()).toBe("200");
    await machine.unplug();
    expect((await look()).trim()).toBe("none");
    await machine.plug();
    expect((await look()).trim()).toBe("200");
    await server.close();
    await lan.close();
  });
});
