/** A TCP proxy that holds every byte back for a fixed time in each direction, in order: a long signalling path on one machine. */
import { once } from "node:events";
import { createServer, connect as dial, type Socket } from "node:net";

export type DelayProxy = { readonly port: number; close(): void };

/** @param oneWayMs added to each direction: the round trip grows by twice that */
export async function startDelayProxy(targetPort: number, oneWayMs: number): Promise<DelayProxy> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = dial({ port: targetPort, host: "127.0.0.1", noDelay: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    // Timers of one duration fire in the order they were set, so the bytes stay in order.
    client.on("data", (bytes) => setTimeout(() => upstream.writable && upstream.write(bytes), oneWayMs));
    upstream.on("data", (bytes) => setTimeout(() => client.writable && client.write(bytes), oneWayMs));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
