/** Opens a TCP server's port and tells how it went, instead of by events. */
import type { Server } from "node:net";

/**
 * @param host an address, of its own family alone
 * @param backlog connections that wait to be accepted; default Node's, 511
 * @returns the error, if it did not work
 */
export function listening(
  server: Server,
  host: string,
  port: number,
  backlog?: number,
): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const onError = (error: NodeJS.ErrnoException) => {
      server.off("listening", onListening);
      resolve(error);
    };
    const onListening = () => {
      server.off("error", onError);
      resolve(undefined);
    };
    server.once("error", onError);
    server.once("listening", onListening);
    const options = { host, port, ipv6Only: host.includes(":"), exclusive: true };
    server.listen(backlog === undefined ? options : { ...options, backlog });
  });
}
