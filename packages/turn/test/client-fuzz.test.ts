/** Whatever a server, or anybody, sends: the client throws nothing, and says nothing that is not its own. */
import { ATTRIBUTES, encodeMessage, METHOD, NatDiscovery, type OutgoingAttribute, put } from "@tsunagi/stun";
import { seededBytes } from "@tsunagi/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { TurnClient, type TurnClientOutput, TurnDataConnection } from "../src/client/index.ts";
import { encodeChannelData, TURN_ATTRIBUTES } from "../src/index.ts";
import { PEER, ScriptedServer, USER } from "./scripted-server.ts";

const attribute: fc.Arbitrary<OutgoingAttribute> = fc
  .tuple(
    fc.oneof(fc.constantFrom(...Object.values(TURN_ATTRIBUTES).map(({ type }) => type)), fc.nat(0xffff)),
    fc.uint8Array({ maxLength: 40 }),
  )
  .map(([type, value]) => ({ type, encode: () => value }));

const message = fc
  .record({
    class: fc.constantFrom("request", "indication", "success", "error" as const),
    method: fc.constantFrom(...Object.values(METHOD)),
    transactionId: fc.uint8Array({ minLength: 12, maxLength: 12 }),
    attributes: fc.array(attribute, { maxLength: 8 }),
  })
  .map((parts) => encodeMessage(parts as Parameters<typeof encodeMessage>[0]));

const channel = fc
  .tuple(fc.integer({ min: 0x4000, max: 0x4fff }), fc.uint8Array({ maxLength: 30 }))
  .map(([number, data]) => encodeChannelData({ channel: number, data }, true));

const anything = fc.oneof(fc.uint8Array({ maxLength: 200 }), message, channel);

/** Allocated, with a permission and a channel, and a request under way. */
function client(transport: "udp" | "tcp", last: (bytes: Uint8Array) => void): TurnClient {
  const server = new ScriptedServer("modern");
  const core = new TurnClient({ ...USER, transport, random: seededBytes(1) });
  const perform = (outputs: readonly TurnClientOutput[]) => {
    for (const output of outputs) {
      if (output.type !== "send") continue;
      const answer = server.serve(output.bytes);
      if (answer !== undefined) perform(core.received(0, answer));
    }
  };
  perform(core.start(0));
  perform(core.bindChannel(0, PEER));
  for (const output of core.permit(0, [PEER])) if (output.type === "send") last(output.bytes);
  return core;
}

describe("TurnClient", () => {
  it.each(["udp", "tcp"] as const)("stands anything over %s, before and after its allocation", (transport) => {
    fc.assert(
      fc.property(fc.array(anything, { minLength: 1, maxLength: 6 }), fc.boolean(), (received, isNew) => {
        const core = isNew ? new TurnClient({ ...USER, transport, random: seededBytes(1) }) : client(transport, () => {});
        if (isNew) core.start(0);
        for (const bytes of received) {
          for (const output of core.received(1, bytes)) {
            expect(["data", "icmp", "attempted", "ended", "send"]).toContain(output.type);
            if (output.type === "ended") expect(output.reason).toBe("malformed");
          }
        }
      }),
    );
  });

  it("stands an answer to its own request with anything in it", () => {
    let request = new Uint8Array(0);
    fc.assert(
      fc.property(
        fc.constantFrom("success", "error" as const),
        fc.array(attribute, { maxLength: 8 }),
        (messageClass, attributes) => {
          const core = client("udp", (bytes) => {
            request = Uint8Array.from(bytes);
          });
          const parts = { class: messageClass, method: METHOD.createPermission, transactionId: request.subarray(8, 20) } as const;
          // Nothing without integrity is believed, but for a challenge that is whole.
          const outputs = core.received(1, encodeMessage({ ...parts, attributes }));
          expect(outputs.filter(({ type }) => type === "permitted")).toEqual([]);
        },
      ),
    );
  });

  it("every bit of a right answer turned: not believed", () => {
    let request = new Uint8Array(0);
    const whole = (() => {
      client("udp", (bytes) => {
        request = Uint8Array.from(bytes);
      });
      return new ScriptedServer("modern").serve(request) ?? new Uint8Array(0);
    })();
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const core = client("udp", () => {});
      const index = bit >> 3;
      const outputs = core.received(1, whole.with(index, (whole[index] ?? 0) ^ (1 << (bit & 7))));
      expect(outputs.filter(({ type }) => type === "permitted")).toEqual([]);
    }
    expect(client("udp", () => {}).received(1, whole)).toMatchObject([{ type: "permitted" }]);
  });
});

describe("TurnDataConnection", () => {
  it("stands anything", () => {
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 6 }), (received) => {
        const core = new TurnDataConnection({ ...USER, random: seededBytes(1), connection: 1 });
        core.start(0);
        for (const bytes of received) for (const output of core.received(1, bytes)) expect(output.type).toBe("ended");
      }),
    );
  });
});

it("a challenge by a realm that none can have is none", () => {
  const connection = new TurnDataConnection({ ...USER, random: seededBytes(1), connection: 1 });
  const [first] = connection.start(0);
  const transactionId = first?.type === "send" ? first.bytes.slice(8, 20) : new Uint8Array(12);
  const attributes = [
    put(ATTRIBUTES.ERROR_CODE, { code: 401, reason: "" }),
    put(ATTRIBUTES.REALM, "\u0007"),
    put(ATTRIBUTES.NONCE, "n"),
  ];
  const parts = { class: "error", method: METHOD.connectionBind, transactionId } as const;
  expect(connection.received(1, encodeMessage({ ...parts, attributes }))).toEqual([]);
});

describe("NatDiscovery", () => {
  it("stands anything, from anywhere", () => {
    const server = { family: 4, address: "192.0.2.1", port: 3478 } as const;
    const from = fc.constantFrom(server, PEER);
    const own = fc
      .array(attribute, { maxLength: 5 })
      .map(
        (attributes) => (transactionId: Uint8Array) =>
          encodeMessage({ class: "success", method: METHOD.binding, transactionId, attributes }),
      );
    fc.assert(
      fc.property(fc.array(fc.tuple(from, fc.oneof(anything, own)), { maxLength: 6 }), (received) => {
        const discovery = new NatDiscovery({ server, local: undefined, random: seededBytes(1) });
        const [first] = discovery.handle(0, { type: "start" });
        const transactionId = first?.type === "send" ? first.bytes.slice(8, 20) : new Uint8Array(12);
        for (const [source, bytes] of received) {
          const all = typeof bytes === "function" ? bytes(transactionId) : bytes;
          discovery.handle(1, { type: "received", from: source, bytes: all });
        }
      }),
    );
  });
});
