/** "Check my connection" of the web app: each way out is really tried, and what fails is told with what to change. */
import { launchChromium, type ServerOptions, startServer } from "@tsunagi/testkit/drivers";
import { beforeAll, describe, expect, it } from "vitest";
import { expectAccessible, expectFits, type Visitor, visitor } from "../support/meet.ts";

let chromium: Awaited<ReturnType<typeof launchChromium>>;
beforeAll(async () => {
  chromium = await launchChromium({ whole: true });
});

/** Opens the page and waits for its verdict. */
async function check(options: ServerOptions): Promise<Visitor> {
  const server = await startServer(options);
  const mika = await visitor(chromium, "Mika");
  await mika.raw.goto(`${server.url}/check`);
  await mika.raw.getByRole("button", { name: "Check again" }).waitFor({ timeout: 20_000 });
  return mika;
}

async function stateOf({ raw }: Visitor, step: string): Promise<string | null> {
  return raw.locator(`[data-step="${step}"]`).getAttribute("data-state");
}

async function resultOf({ raw }: Visitor, step: string): Promise<string> {
  return (await raw.locator(`[data-step="${step}"]`).textContent()) ?? "";
}

describe("the connection check", () => {
  it("sends data through the relay over UDP and TCP, and says that calls will work", async () => {
    const mika = await check({});
    await mika.raw.getByText("Calls will work on this network").waitFor();
    for (const step of ["server", "direct", "turn-udp", "turn-tcp"])
      expect({ step, state: await stateOf(mika, step) }).toEqual({ step, state: "ok" });
    for (const step of ["turn-udp", "turn-tcp"])
      expect(await resultOf(mika, step)).toMatch(/Works · \d+ ms, there and back \d+ ms$/);
    expect(await stateOf(mika, "turn-tls")).toBe("absent");
    await expectAccessible(mika, "the check");
    await expectFits(mika, "the check");
    expect(await mika.leaks()).toEqual({ tracks: 0, connections: 0 });
    expect(mika.errors()).toEqual([]);
  });

  it("says what to change where the server has no relay", async () => {
    const mika = await check({ env: { TSUNAGI_TURN_ENABLED: "false" } });
    await mika.raw.getByText("Operator: turn on the TURN server (turn.enabled)").waitFor();
    for (const step of ["stun", "turn-udp", "turn-tcp", "turn-tls"])
      expect({ step, state: await stateOf(mika, step) }).toEqual({ step, state: "absent" });
  });

  it("tells refused credentials from a relay that is not reached", async () => {
    const relay = await startServer({ sfu: false });
    const urls = [`turn:127.0.0.1:${relay.turnPort}?transport=udp`];
    const wrong = JSON.stringify([{ urls, username: "9999999999:mika", credential: "bm90IHRoaXM=" }]);
    const refused = await check({ env: { TSUNAGI_ICE_SERVERS: wrong } });
    expect(await resultOf(refused, "turn-udp")).toContain("The server refused the credentials");
    await relay.kill();
    const away = await check({ env: { TSUNAGI_ICE_SERVERS: wrong } });
    expect(await resultOf(away, "turn-udp")).toContain("No answer");
  });

  it("shows what failed when the server is away, and tries again when asked", async () => {
    const server = await startServer({ sfu: false });
    const mika = await visitor(chromium, "Mika");
    await mika.raw.goto(`${server.url}/check`);
    await mika.raw.getByRole("button", { name: "Check again" }).waitFor({ timeout: 20_000 });
    await server.kill();
    await mika.raw.getByRole("button", { name: "Check again" }).click();
    await mika.raw.getByText("The server did not answer.").waitFor();
    await server.start();
    await mika.raw.getByRole("button", { name: "Try again" }).click();
    await mika.raw.getByText("Calls will work on this network").waitFor({ timeout: 20_000 });
  });
});
