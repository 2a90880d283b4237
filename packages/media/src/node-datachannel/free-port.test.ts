import { createSocket, type Socket } from "node:dgram";
import { describe, expect, it } from "vitest";
import { freePort } from "./free-port.ts";

const taken = (): Promise<Socket> =>
  new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.bind({ port: 0, address: "127.0.0.1" }, () => resolve(socket));
  });

describe("the plane's port", () => {
  it("is any free one for 0, and let go again", async () => {
    const port = await freePort(0, "127.0.0.1");
    expect(port).toBeGreaterThan(1_024);
    expect(await freePort(port, "127.0.0.1")).toBe(port);
    expect(await freePort(0, undefined)).toBeGreaterThan(1_024);
  });

  it("is refused while another has it, and says what to do", async () => {
    const socket = await taken();
    const { port } = socket.address();
    await expect(freePort(port, "127.0.0.1")).rejects.toMatchObject({
      code: "media.plane.port",
      message: `UDP port ${port} is in use.`,
      remedy: expect.stringMatching(/choose another/),
    });
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    expect(await freePort(port, "127.0.0.1")).toBe(port);
  });

  it.each([80, 1_024, 65_536, -1, 1.5, Number.NaN])("is not %s", async (port) => {
    await expect(freePort(port, "127.0.0.1")).rejects.toMatchObject({ code: "media.plane.port" });
  });

  it("is told apart from an address that this machine does not have", async () => {
    await expect(freePort(0, "192.0.2.1")).rejects.toMatchObject({ message: "UDP port 0 cannot be opened." });
  });
});
