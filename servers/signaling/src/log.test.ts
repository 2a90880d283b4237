import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { createLog, type LogLevel } from "./log.ts";

function lines(level: LogLevel, fields: Record<string, unknown>): Record<string, unknown>[] {
  const texts: string[] = [];
  const destination = new Writable({
    write(chunk, _, done) {
      texts.push(String(chunk));
      done();
    },
  });
  const log = createLog({ level, destination });
  log.error(fields, "e");
  log.debug(fields, "d");
  return texts.map((text) => JSON.parse(text) as Record<string, unknown>);
}

const secrets = { token: "t", credential: { authToken: "a" }, request: { authorization: "b", sdp: "v=0" }, secret: "s" };

describe("createLog", () => {
  it("writes one JSON line with the level's name", () => {
    expect(lines("info", { port: 8080 })).toMatchObject([{ level: "error", port: 8080, msg: "e" }]);
    expect(lines("silent", {})).toEqual([]);
  });

  it.each(["info", "debug"] as const)("keeps secrets out at %s", (level) => {
    const text = JSON.stringify(lines(level, secrets));
    for (const value of ['"t"', '"a"', '"b"', "v=0", '"s"']) expect(text).not.toContain(value);
  });

  it("leaves out who it was, and at debug tells them apart by a hash", () => {
    const about = { peerId: "alice", address: "192.0.2.1", call: { caller: "bob" } };
    expect(JSON.stringify(lines("info", about))).not.toMatch(/alice|192|bob|#/);
    const [line, again] = lines("debug", about);
    expect(line?.peerId).toMatch(/^#.{10}$/);
    expect(again?.peerId).toBe(line?.peerId);
    expect(line?.address).not.toBe(line?.peerId);
  });
});
