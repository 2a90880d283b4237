import { describe, expect, it } from "vitest";
import { bodyOf } from "./events.ts";

describe("bodyOf", () => {
  it("takes what the event says as data, without what stands beside it", () => {
    const event = { type: "room.left", appId: "app_1", at: 5, room: "r", peerId: "a", reason: "left" } as const;
    expect(bodyOf("evt_1", event, { id: "app_1", name: "shop" })).toEqual({
      id: "evt_1",
      type: "room.left",
      at: 5,
      app: { id: "app_1", name: "shop" },
      data: { room: "r", peerId: "a", reason: "left" },
    });
  });
});
