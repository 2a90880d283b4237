import fc from "fast-check";
import { expect, it } from "vitest";
import { isLater, roomConnectionId } from "./pairing.ts";

const member = fc.record({
  peerId: fc.string({ minLength: 1, maxLength: 128 }),
  joinedAt: fc.nat(),
  receiveOnly: fc.constant(false),
});

it("gives both members of a pair the same short ID and opposite roles", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 128 }), member, member, (room, a, b) => {
      fc.pre(a.peerId !== b.peerId);
      expect(roomConnectionId(room, a, b)).toBe(roomConnectionId(room, b, a));
      expect(roomConnectionId(room, a, b).length).toBeLessThan(64);
      expect(isLater(a, b)).toBe(!isLater(b, a));
    }),
  );
});

it("tells rooms, pairs and times of being there apart", () => {
  const at = (peerId: string, joinedAt: number) => ({ peerId, joinedAt, receiveOnly: false });
  const ids = [
    roomConnectionId("r", at("a", 1), at("b", 2)),
    roomConnectionId("s", at("a", 1), at("b", 2)),
    roomConnectionId("r", at("a", 1), at("c", 2)),
    roomConnectionId("r", at("a", 3), at("b", 2)),
  ];
  expect(new Set(ids).size).toBe(4);
});
