/** A TCP proxy in front of a server, whose connections can be torn: what an access point that goes away does to signalling, media untouched. */

import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";
import { track } from "@tsunagi/testkit/drivers";

export interface Tap {
  readonly url: string;
  readonly port: number;
  /** Tears all connections and refuses new ones for so long. */
  cut(forMs: number): Promise<void>;
  /** Tears all connections; new ones wait until the returned function is called: what a front does whose server starts anew. */
  hold(): () => void;
  /** All bytes so far that clients sent, as text: the request lines of HTTP can be read in it. */
  said(): string;
}

/** As much as is kept of what clients said. */
const SAID_CHARACTERS = 200_000;

export async function startTap(targetPort: number): Promise<Tap> {
  const sockets = new Set<Socket>();
  let said = "";
  let held: Promise<void> | undefined;
  const server = createServer(async (client) => {
    client.on("error", () => client.destroy());
    await held;
    const upstream = connect(targetPort, "localhost");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (bytes) => {
      if (said.length < SAID_CHARACTERS) said += bytes.toString("latin1");
    });
    client.pipe(upstream).pipe(client);
  });
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => {
        server.off("error", reject);
        resolve();
      });
    });
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  track({ name: `tap at ${port}`, end: stop });
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    said: () => said,
    hold() {
      let release = () => {};
      held = new Promise((resolve) => {
        release = resolve;
      });
      for (const socket of sockets) socket.destroy();
      return () => {
        held = undefined;
        release();
      };
    },
    async cut(forMs) {
      await stop();
      await new Promise((resolve) => setTimeout(resolve, forMs));
      await listen(port);
    },
  };
}
