import { describe, expect, it } from "vitest";
import { encodeEvent } from "./packets.ts";
import { SkywayData } from "./room-data.ts";
import { FaceRooms, FrameCache, logs, roomData, userJoined, users } from "./rooms.ts";

const member = (peerId: string) => ({ peerId, joinedAt: 1, receiveOnly: false });

describe("FaceRooms", () => {
  it("keep a room while sessions of the face are in it, apart for each app", () => {
    const changed: string[] = [];
    const rooms = new FaceRooms(({ appId, name, sessions }) => changed.push(`${appId} ${name} ${sessions}`));
    const [room, again] = [rooms.enter("a", "hall", "mesh"), rooms.enter("a", "hall", "mesh")];
    expect(again).toBe(room);
    expect(rooms.enter("b", "hall", "mesh")).not.toBe(room);
    rooms.leave(room);
    expect([rooms.get("a", "hall"), rooms.size]).toEqual([room, 2]);
    rooms.leave(room);
    expect([rooms.get("a", "hall"), rooms.size, changed]).toEqual([undefined, 1, ["a hall 0"]]);
  });

  it("know who was there before whom", () => {
    const room = new FaceRooms(() => {}).enter("a", "hall", "mesh");
    room.replace(["x", "y", "z"].map(member));
    expect([room.before("x"), room.before("z"), room.before("nobody")]).toEqual([[], ["x", "y"], ["x", "y", "z"]]);
    expect(room.stored).toEqual({ mode: "mesh", members: ["x", "y", "z"].map(member) });
    expect(userJoined(room, "z")).toBe(
      encodeEvent("ROOM_USER_JOIN", { roomName: "hall", src: "z", roomMembers: ["x", "y", "z"] }),
    );
    expect(users(room, "y", undefined)).toBe(encodeEvent("ROOM_USERS", { roomName: "hall", type: "media", userList: ["x"] }));
  });
});

describe("what members see", () => {
  it("is made once for all of them", () => {
    const cache = new FrameCache();
    const message = { type: "member-left", room: "hall", peerId: "x" } as const;
    let made = 0;
    const make = () => {
      made += 1;
      return "";
    };
    cache.get(message, make);
    cache.get(message, make);
    cache.get({ ...message }, make);
    expect(made).toBe(2);
  });

  it("is room data in the sender's own form, and from the operator without a sender", () => {
    const data = { bytes: Buffer.from("hi") };
    const frames = roomData({ type: "room-data", room: "hall", from: "a", data: new SkywayData(data, 2, true).json });
    expect(frames).toEqual([expect.stringContaining('"_placeholder":true'), data.bytes]);
    expect(roomData({ type: "room-data", room: "hall", data: 1 })).toBe('2["ROOM_DATA",{"roomName":"hall","src":"","data":1}]');
  });

  it("is a log of texts", () => {
    const text = logs({ type: "log", re: 1, room: "hall", entries: [{ type: "left", at: 5, peerId: "a" }] }, "mesh");
    expect(JSON.parse(text.slice(1))).toEqual([
      "ROOM_LOGS",
      {
        roomName: "hall",
        log: ['{"timestamp":5,"messageType":"ROOM_USER_LEAVE","message":{"roomName":"hall","src":"a"}}'],
      },
    ]);
  });
});
