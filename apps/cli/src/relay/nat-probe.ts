/** RFC 5780 over a real socket. */
import { createSocket, type Socket } from "node:dgram";
import { secureRandom } from "@tsunagi/base";
import { type NatBehavior, NatDiscovery, type NatDiscoveryOutput, type TransportAddress, transportAddress } from "@tsunagi/stun";

/** `unreachable`: this machine has no way there. */
export type NatResult = NatBehavior | { readonly type: "unreachable" };

/** @param timeoutMs of all tests together: what is known by then is not told, since it could be wrong */
export async function natBehavior(server: TransportAddress, timeoutMs: number): Promise<NatResult> {
  const local = await localAddress(server);
  if (local === undefined) return { type: "unreachable" };
  return new Promise((resolve) => {
    const socket = createSocket(typeOf(server));
    let timer: NodeJS.Timeout | undefined;
    const finish = (result: NatResult) => {
      clearTimeout(timer);
      clearTimeout(limit);
      closeQuietly(socket);
      resolve(result);
    };
    const limit = setTimeout(() => finish({ type: "silent" }), timeoutMs);
    socket.once("error", () => finish({ type: "unreachable" }));
    // Of that one address, so that what the server sees can be compared; not connected, since answers come from other sockets of it.
    socket.bind({ address: local, port: 0, exclusive: true }, () => {
      const { port } = socket.address();
      const discovery = new NatDiscovery({ server, local: { ...server, address: local, port }, random: secureRandom });
      const perform = (outputs: readonly NatDiscoveryOutput[]): void => {
        for (const output of outputs) {
          if (output.type === "done") {
            finish(output.behavior);
            return;
          }
          socket.send(output.bytes, output.to.port, output.to.address, () => {});
        }
        clearTimeout(timer);
        const { deadline } = discovery;
        if (deadline === undefined) return;
        const tick = () => perform(discovery.handle(performance.now(), { type: "tick" }));
        timer = setTimeout(tick, Math.max(0, Math.ceil(deadline - performance.now())));
      };
      socket.on("message", (bytes, { address, port: from }) => {
        perform(discovery.handle(performance.now(), { type: "received", from: transportAddress(address, from), bytes }));
      });
      perform(discovery.handle(performance.now(), { type: "start" }));
    });
  });
}

/** The address this machine would send from. Nothing is sent. */
function localAddress({ family, address, port }: TransportAddress): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(typeOf({ family }));
    const finish = (result: string | undefined) => {
      closeQuietly(socket);
      resolve(result);
    };
    socket.once("error", () => finish(undefined));
    socket.connect(port, address, (error?: Error) => finish(error ? undefined : socket.address().address));
  });
}

function typeOf({ family }: Pick<TransportAddress, "family">): "udp4" | "udp6" {
  return family === 4 ? "udp4" : "udp6";
}

function closeQuietly(socket: Socket): void {
  socket.removeAllListeners();
  socket.on("error", () => {});
  socket.close();
}
