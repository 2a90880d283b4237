/** Whether a TURN server takes clients at a port: an Allocate without credentials, which it must answer with a challenge (RFC 8656 §7.2). */
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, isIP } from "node:net";
import { ClientTransaction, encodeMessage, METHOD, put, type TransactionOutput } from "@tsunagi/stun";
import { PROTOCOL_NUMBER, StreamFrames, TURN_ATTRIBUTE_BY_TYPE, TURN_ATTRIBUTES } from "@tsunagi/turn";
import { codeOf } from "@tsunagi/turn/client";
import { resolveHost } from "../doctor/network-probes.ts";
import type { TurnPortResult } from "../doctor/probes.ts";
import { openFailure } from "./turn-failure.ts";

export async function turnPort(host: string, port: number, transport: "udp" | "tcp", timeoutMs: number): Promise<TurnPortResult> {
  const address = (await resolveHost(host, 4, timeoutMs)) ?? (await resolveHost(host, 6, timeoutMs));
  if (address === undefined) return { type: "no-address" };
  return new Promise((resolve) => {
    const request = encodeMessage({
      class: "request",
      method: METHOD.allocate,
      transactionId: randomBytes(12),
      attributes: [put(TURN_ATTRIBUTES.REQUESTED_TRANSPORT, PROTOCOL_NUMBER.udp)],
    });
    const transaction = new ClientTransaction({ request, reliable: transport === "tcp", known: TURN_ATTRIBUTE_BY_TYPE });
    let timer: NodeJS.Timeout | undefined;
    const finish = (result: TurnPortResult) => {
      clearTimeout(limit);
      clearTimeout(timer);
      wire.close();
      resolve(result);
    };
    const limit = setTimeout(() => finish({ type: "silent" }), timeoutMs);
    const perform = (outputs: readonly TransactionOutput[]) => {
      for (const output of outputs) {
        if (output.type === "send") wire.send(output.bytes);
        else if (output.type === "failed") return finish({ type: output.why === "unreachable" ? "closed" : "silent" });
        else {
          const code = codeOf(output.message);
          return finish(code === 401 ? { type: "turn" } : { type: "refused", code: code ?? 0 });
        }
      }
      clearTimeout(timer);
      const { deadline } = transaction;
      if (deadline !== undefined)
        timer = setTimeout(() => perform(transaction.handle(performance.now(), { type: "tick" })), deadline - performance.now());
    };
    const start = () => perform(transaction.handle(performance.now(), { type: "start" }));
    const receive = (bytes: Uint8Array) => perform(transaction.handle(performance.now(), { type: "received", bytes }));
    const fail = (error: Error) => finish({ type: openFailure(error).why === "timeout" ? "silent" : "closed" });
    const wire = transport === "udp" ? udp() : tcp();

    function udp() {
      const socket = createSocket(isIP(address ?? "") === 6 ? "udp6" : "udp4");
      socket.on("message", receive);
      socket.on("error", fail);
      socket.connect(port, address, (error?: Error) => (error ? fail(error) : start()));
      const close = () => {
        socket.removeAllListeners();
        socket.on("error", () => {});
        socket.close();
      };
      return { send: (bytes: Uint8Array) => socket.send(bytes), close };
    }

    function tcp() {
      const frames = new StreamFrames();
      const socket = connect({ host: address, port });
      socket.on("connect", start);
      socket.on("data", (chunk) => {
        frames.push(chunk, ({ bytes }) => receive(bytes));
        if (frames.fault !== undefined) finish({ type: "foreign" });
      });
      socket.on("error", fail);
      socket.on("close", () => finish({ type: "foreign" }));
      const close = () => {
        socket.removeAllListeners();
        socket.on("error", () => {});
        socket.destroy();
      };
      return { send: (bytes: Uint8Array) => void socket.write(bytes), close };
    }
  });
}
