import { describe, expect, it } from "vitest";
import { put } from "./attribute.ts";
import { ATTRIBUTES } from "./attributes/index.ts";
import { answerBinding, bindingRequest, mappedAddressOf } from "./binding.ts";
import { encodeMessage } from "./encode.ts";
import { METHOD } from "./header.ts";
import { ClientTransaction, type TransactionOptions, type TransactionOutput } from "./transaction.ts";

const ID = new Uint8Array(12).fill(3);
const REQUEST = bindingRequest(ID);
const SOURCE = { family: 4, address: "192.0.2.5", port: 4000 } as const;

function answer(): Uint8Array {
  const result = answerBinding(REQUEST, SOURCE);
  if (result.type !== "answer") throw new Error("no answer");
  return result.bytes;
}

/** Runs to the end without any response; what came out, with its time. */
function run(transaction: ClientTransaction, startMs: number): { at: number; output: TransactionOutput }[] {
  const log = transaction.handle(startMs, { type: "start" }).map((output) => ({ at: startMs, output }));
  for (let deadline = transaction.deadline; deadline !== undefined; deadline = transaction.deadline) {
    const now = deadline;
    // A tick too early does nothing.
    expect(transaction.handle(now - 1, { type: "tick" })).toEqual([]);
    log.push(...transaction.handle(now, { type: "tick" }).map((output) => ({ at: now, output })));
  }
  return log;
}

const begun = (options: Partial<TransactionOptions> = {}) => {
  const transaction = new ClientTransaction({ request: REQUEST, ...options });
  transaction.handle(1000, { type: "start" });
  return transaction;
};

describe("ClientTransaction", () => {
  it("sends at 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s and gives up at 39.5 s", () => {
    const log = run(new ClientTransaction({ request: REQUEST }), 100);
    expect(log.map(({ at, output }) => [at - 100, output.type])).toEqual([
      [0, "send"],
      [500, "send"],
      [1500, "send"],
      [3500, "send"],
      [7500, "send"],
      [15500, "send"],
      [31500, "send"],
      [39500, "failed"],
    ]);
    expect(log.at(-1)?.output).toEqual({ type: "failed", why: "timeout" });
  });

  it("sends once over a reliable transport and gives up at 39.5 s", () => {
    const log = run(new ClientTransaction({ request: REQUEST, reliable: true }), 0);
    expect(log.map(({ at, output }) => [at, output.type])).toEqual([
      [0, "send"],
      [39500, "failed"],
    ]);
  });

  it("ends with the response and its round trip", () => {
    const transaction = begun();
    const [output] = transaction.handle(1042, { type: "received", bytes: answer() });
    expect(output).toMatchObject({ type: "response", rttMs: 42 });
    if (output?.type === "response") expect(mappedAddressOf(output.message)).toEqual(SOURCE);
    expect(transaction.deadline).toBeUndefined();
    expect(transaction.handle(1043, { type: "received", bytes: answer() })).toEqual([]);
    expect(transaction.handle(9999, { type: "tick" })).toEqual([]);
  });

  it("measures no round trip after a retransmission", () => {
    const transaction = begun();
    transaction.handle(1500, { type: "tick" });
    expect(transaction.handle(1510, { type: "received", bytes: answer() })).toMatchObject([
      { type: "response", rttMs: undefined },
    ]);
  });

  it("leaves alone what is not its response", () => {
    const transaction = begun();
    const foreign = answerBinding(bindingRequest(new Uint8Array(12).fill(4)), SOURCE);
    const otherMethod = encodeMessage({ class: "success", method: METHOD.allocate, transactionId: ID, attributes: [] });
    const damaged = answer().with(30, 0);
    for (const bytes of [REQUEST, otherMethod, damaged, new Uint8Array(3), foreign.type === "answer" ? foreign.bytes : REQUEST]) {
      expect(transaction.handle(1001, { type: "received", bytes })).toEqual([]);
    }
    expect(transaction.deadline).toBe(1500);
  });

  it("goes on waiting for a response that can be verified, then names integrity as the reason", () => {
    const transaction = begun({ verify: () => false, maxSendings: 1, lastWait: 1 });
    expect(transaction.handle(1001, { type: "received", bytes: answer() })).toEqual([]);
    expect(transaction.handle(1500, { type: "tick" })).toEqual([{ type: "failed", why: "integrity" }]);
  });

  it("fails on an unknown attribute that must be understood", () => {
    const bytes = encodeMessage({
      class: "success",
      method: METHOD.binding,
      transactionId: ID,
      attributes: [put(ATTRIBUTES.XOR_MAPPED_ADDRESS, SOURCE), { type: 0x7fff, encode: () => new Uint8Array(0) }],
    });
    expect(begun().handle(1001, { type: "received", bytes })).toEqual([{ type: "failed", why: "unknown-attributes" }]);
  });

  it("hands over an error response as a response", () => {
    const bytes = encodeMessage({
      class: "error",
      method: METHOD.binding,
      transactionId: ID,
      attributes: [put(ATTRIBUTES.ERROR_CODE, { code: 500, reason: "" })],
    });
    expect(begun().handle(1001, { type: "received", bytes })).toMatchObject([{ type: "response", message: { class: "error" } }]);
  });

  it("fails at once when the network refuses", () => {
    expect(begun().handle(1001, { type: "unreachable" })).toEqual([{ type: "failed", why: "unreachable" }]);
  });
});
