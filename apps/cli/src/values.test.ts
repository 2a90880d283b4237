import { describe, expect, it } from "vitest";
import { durationSeconds, integer, oneOf, port } from "./values.ts";

const usage = expect.objectContaining({ code: "cli.usage.value", remedy: expect.any(String) });

describe("values", () => {
  it("reads durations", () => {
    expect(["90", "90s", "10m", "24h", "7d"].map((text) => durationSeconds("--ttl", text))).toEqual([
      90, 90, 600, 86_400, 604_800,
    ]);
    for (const text of ["", "h", "1w", "-1", "1.5h", "1 h", "99999999999999999999d"])
      expect(() => durationSeconds("--ttl", text)).toThrowError(usage);
  });

  it("reads whole numbers within bounds", () => {
    expect(integer("--n", "5", 1, 5)).toBe(5);
    for (const text of ["0", "6", "1e0", " 1", "", "0x1", "x"]) expect(() => integer("--n", text, 1, 5)).toThrowError(usage);
    expect(port("--port", undefined)).toBeUndefined();
    expect(port("--port", "65535")).toBe(65_535);
    expect(() => port("--port", "65536")).toThrowError(usage);
  });

  it("names the choices", () => {
    expect(oneOf("--mode", "mesh", ["mesh", "sfu"])).toBe("mesh");
    expect(() => oneOf("--mode", "x", ["mesh", "sfu"])).toThrowError(
      expect.objectContaining({ remedy: "Choose one of: mesh, sfu." }),
    );
  });
});
