import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { ATTRIBUTES, attributeOf, bindingRequest, decodeMessage, encodeMessage, METHOD, mappedAddressOf } from "@tsunagi/stun";
import { afterEach, describe, expect, it } from "vitest";
import { type RunningStunServer, type StunServerOptions, startStunServer } from "./stun-server.ts";

const ID = new Uint8Array(12).fill(1);
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function start(options: StunServerOptions = {}): Promise<RunningStunServer> {
  const server = await startStunServer({ port: 0, host: "127.0.0.1", ...options });
  open.push(server);
  return server;
}

async function client(family: 4 | 6 = 4): Promise<Socket> {
  const socket = createSocket(family === 4 ? "udp4" : "udp6");
  open.push({ close: () => new Promise<void>((resolve) => socket.close(() => resolve())) });
  socket.bind(0, family === 4 ? "127.0.0.1" : "::1");
  await once(socket, "listening");
  return socket;
}

async function ask(socket: Socket, server: RunningStunServer, bytes: Uint8Array, family: 4 | 6 = 4): Promise<Uint8Array> {
  const port = server.addresses.find((address) => address.family === family)?.port ?? 0;
  socket.send(bytes, port, family === 4 ? "127.0.0.1" : "::1");
  const [answer] = (await once(socket, "message")) as [Buffer];
  return answer;
}

describe("startStunServer", () => {
  it("answers on all addresses, in both families, on one port", async () => {
    const server = await start({ host: undefined });
    expect(new Set(server.addresses.map(({ port }) => port)).size).toBe(1);
    for (const { family } of server.addresses) {
      const socket = await client(family);
      const response = decodeMessage(await ask(socket, server, bindingRequest(ID), family));
      expect(response.class).toBe("success");
      expect(mappedAddressOf(response)).toEqual({
        family,
        address: family === 4 ? "127.0.0.1" : "::1",
        port: socket.address().port,
      });
    }
    await expect.poll(() => server.stats().answered.success).toBe(server.addresses.length);
  });

  it("counts answers and drops with their reasons, for its owner too", async () => {
    const seen: string[] = [];
    const server = await start({
      metrics: { answered: (kind, family) => seen.push(`${kind} ${family}`), dropped: (reason) => seen.push(reason) },
    });
    const socket = await client();
    const port = server.addresses[0]?.port ?? 0;
    socket.send(new Uint8Array(5), port, "127.0.0.1");
    socket.send(
      encodeMessage({ class: "indication", method: METHOD.binding, transactionId: ID, attributes: [] }),
      port,
      "127.0.0.1",
    );
    const unknown = { type: 0x7000, encode: () => new Uint8Array(0) };
    const refused = await ask(
      socket,
      server,
      encodeMessage({ class: "request", method: METHOD.binding, transactionId: ID, attributes: [unknown] }),
    );
    expect(attributeOf(decodeMessage(refused), ATTRIBUTES.ERROR_CODE)?.code).toBe(420);
    await expect
      .poll(() => server.stats())
      .toMatchObject({
        received: 3,
        answered: { success: 0, "unknown-attribute": 1 },
        dropped: { malformed: 1, indication: 1, rate: 0 },
      });
    expect(seen).toEqual(["malformed", "indication", "unknown-attribute 4"]);
  });

  it("falls silent towards a source over its limit", async () => {
    const server = await start({ rateLimit: { perSecond: 0, burst: 2 } });
    const socket = await client();
    await ask(socket, server, bindingRequest(ID));
    await ask(socket, server, bindingRequest(ID));
    const answers: Buffer[] = [];
    socket.on("message", (bytes) => answers.push(bytes));
    socket.send(bindingRequest(ID), server.addresses[0]?.port ?? 0, "127.0.0.1");
    await expect.poll(() => server.stats().dropped.rate).toBe(1);
    expect(answers).toEqual([]);
  });

  it("says which port is taken and what to do", async () => {
    const server = await start();
    await expect(start({ port: server.addresses[0]?.port })).rejects.toMatchObject({
      code: "turn.port.in-use",
      remedy: expect.stringContaining("another STUN port"),
    });
  });

  it("says when the host is no address of this machine", async () => {
    await expect(start({ host: "192.0.2.1" })).rejects.toMatchObject({ code: "turn.port.failed" });
  });

  it("frees the port on close, which may be called twice", async () => {
    const server = await start();
    await server.close();
    await server.close();
    await start({ port: server.addresses[0]?.port });
  });
});
