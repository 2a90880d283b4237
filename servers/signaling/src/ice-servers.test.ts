import { describe, expect, it } from "vitest";
import { iceServersFor } from "./ice-servers.ts";

describe("iceServersFor", () => {
  it.each([
    ["example.com", "stun:example.com:3478"],
    ["example.com:8080", "stun:example.com:3478"],
    ["192.0.2.1:8080", "stun:192.0.2.1:3478"],
    ["[2001:db8::1]:8080", "stun:[2001:db8::1]:3478"],
  ])("tells of STUN where the client came: %s", (host, url) => {
    expect(iceServersFor(host, { stunPort: 3478 })).toEqual([{ urls: [url] }]);
  });

  it.each(["", "a b", "evil/path", "user@host", "a:b:c", "x".repeat(300), "[::1", "host\r\nx: y"])(
    "makes nothing of %j",
    (host) => {
      expect(iceServersFor(host, { stunPort: 3478 })).toEqual([]);
    },
  );

  it("hands out what is configured, and nothing without a STUN server", () => {
    const configured = [{ urls: ["turn:t.example"], username: "u", credential: "c" }];
    expect(iceServersFor("example.com", { configured, stunPort: 3478 })).toBe(configured);
    expect(iceServersFor("example.com", { configured: [], stunPort: 3478 })).toEqual([]);
    expect(iceServersFor("example.com", {})).toEqual([]);
    expect(iceServersFor(undefined, { stunPort: 3478 })).toEqual([]);
  });
});
