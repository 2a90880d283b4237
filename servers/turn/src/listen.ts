/** Opens the UDP sockets: one a family, so that each client's address is seen in its own form. */
import { createSocket, type Socket } from "node:dgram";
import { isIP } from "node:net";
import type { Log } from "@tsunagi/base";
import { turnServerError } from "./errors.ts";

export type Listening = { readonly socket: Socket; readonly family: 4 | 6 };

/** With port 0: how often to look for a number that is free in both families. */
const FREE_PORT_ATTEMPTS = 8;

/**
 * @param host an address of this machine; undefined for all of both families
 * @throws {CodedError} `turn.port.*`
 */
export async function listen(host: string | undefined, port: number, log: Log): Promise<Listening[]> {
  if (host !== undefined) {
    const family = isIP(host);
    if (family === 4 || family === 6) return [await open(family, host, port)];
    // A name such as localhost: the resolver chooses the address, of the family that it has.
    return [await open(4, host, port)];
  }
  for (let attempt = 1; ; attempt++) {
    const first = await open(4, "0.0.0.0", port);
    try {
      return [first, await open(6, "::", first.socket.address().port)];
    } catch (error) {
      const isTaken = (error as { code?: string }).code === "turn.port.in-use";
      if (isTaken && (port !== 0 || attempt === FREE_PORT_ATTEMPTS)) {
        await closeAll([first]);
        throw error;
      }
      if (isTaken) {
        await closeAll([first]);
        continue;
      }
      // A machine without IPv6 is a usual one.
      log.info({ reason: (error as Error).message }, "STUN serves IPv4 only: IPv6 is not available");
      return [first];
    }
  }
}

export async function closeAll(listening: readonly Listening[]): Promise<void> {
  await Promise.all(listening.map(({ socket }) => new Promise<void>((resolve) => socket.close(() => resolve()))));
}

function open(family: 4 | 6, host: string, port: number): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(family === 4 ? { type: "udp4" } : { type: "udp6", ipv6Only: true });
    const onError = (error: NodeJS.ErrnoException) => {
      socket.close();
      reject(portError(error, `UDP ${host.includes(":") ? `[${host}]` : host}:${port}`));
    };
    socket.once("error", onError);
    socket.bind({ port, address: host, exclusive: true }, () => {
      socket.off("error", onError);
      resolve({ socket, family });
    });
  });
}

function portError(cause: NodeJS.ErrnoException, where: string) {
  if (cause.code === "EADDRINUSE") {
    return turnServerError("turn.port.in-use", where, { cause, remedy: "Stop the other program, or choose another STUN port." });
  }
  if (cause.code === "EACCES") {
    return turnServerError("turn.port.denied", where, {
      cause,
      remedy: "Choose a port above 1023, or allow this one to the user.",
    });
  }
  return turnServerError("turn.port.failed", `${where}: ${cause.message}`, { cause, remedy: "Check the host address." });
}
