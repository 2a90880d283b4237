/** Finds or checks the plane's UDP port before the native library takes it: its own error would not say what is wrong. */
import { createSocket } from "node:dgram";
import { isIPv4 } from "node:net";
import { CodedError } from "@tsunagi/base";

/** The native library ignores a port range that begins below. */
const LOWEST = 1_025;

/**
 * @param port 0: any free one
 * @throws {CodedError} `media.plane.port`
 */
export async function freePort(port: number, address: string | undefined): Promise<number> {
  if (port !== 0 && (!Number.isInteger(port) || port < LOWEST || port > 65_535)) {
    throw new CodedError("media.plane.port", `UDP port ${port} cannot be used.`, {
      remedy: `Choose a port between ${LOWEST} and 65535.`,
    });
  }
  const four = address !== undefined && isIPv4(address);
  try {
    return await tryPort(four ? "udp4" : "udp6", port, address);
  } catch (cause) {
    // A machine without IPv6.
    if (!four && address === undefined && !isInUse(cause)) return await tryPort("udp4", port, undefined).catch(inUse(port));
    return inUse(port)(cause);
  }
}

function tryPort(type: "udp4" | "udp6", port: number, address: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type });
    socket.once("error", (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ port, ...(address === undefined ? {} : { address }), exclusive: true }, () => {
      const bound = socket.address().port;
      socket.close(() => resolve(bound));
    });
  });
}

const isInUse = (cause: unknown): boolean => cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE";

const inUse =
  (port: number) =>
  (cause: unknown): never => {
    throw new CodedError(
      "media.plane.port",
      isInUse(cause) ? `UDP port ${port} is in use.` : `UDP port ${port} cannot be opened.`,
      { cause, remedy: "End what holds it, or choose another port or address for the SFU." },
    );
  };
