import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isBusy, type Line, type LineEvent, makePhoneId, nextLine, readPhoneId } from "./line.ts";

const party = { id: "111-222-333", name: "Tom" };
const end = { reason: "hung-up", byMe: false, error: undefined, durationMs: 0 };
const error = { code: "media.device.busy", message: "", remedy: undefined };

function run(...events: readonly LineEvent[]): Line {
  return events.reduce(nextLine, { at: "idle" } as Line);
}

describe("the line", () => {
  test("calls out: preparing, dialing, talking, ended", () => {
    const dial = { type: "dial", party, video: true } as const;
    expect(run(dial).at).toBe("preparing");
    expect(run(dial, { type: "dialed" }).at).toBe("dialing");
    expect(run(dial, { type: "dialed" }, { type: "answered" })).toEqual({ at: "talking", party, video: true });
    expect(run(dial, { type: "dialed" }, { type: "end", end, outgoing: true })).toMatchObject({ at: "ended", outgoing: true });
  });

  test("is called: incoming, talking", () => {
    expect(run({ type: "ring", party }, { type: "accept", video: false })).toEqual({ at: "talking", party, video: false });
  });

  test("devices that do not start block until the user decides", () => {
    const blocked = [
      { type: "dial", party, video: true },
      { type: "blocked", error },
    ] as const;
    expect(run(...blocked).at).toBe("blocked");
    expect(run(...blocked, { type: "dialed" }).at).toBe("dialing");
    expect(run(...blocked, { type: "dial", party, video: false }).at).toBe("preparing");
    expect(run(...blocked, { type: "dismiss" }).at).toBe("idle");
  });

  test("a busy line takes no other call, an ended one does", () => {
    const ringing = run({ type: "ring", party });
    expect(nextLine(ringing, { type: "ring", party: { id: "x", name: "x" } })).toBe(ringing);
    expect(nextLine(ringing, { type: "dial", party, video: true })).toBe(ringing);
    expect(nextLine(run({ type: "ring", party }, { type: "end", end, outgoing: false }), { type: "ring", party }).at).toBe(
      "incoming",
    );
  });

  test("the other side's name is learnt while talking and kept at the end", () => {
    const named = run({ type: "ring", party }, { type: "accept", video: true }, { type: "named", name: "Thomas" });
    expect(nextLine(named, { type: "end", end, outgoing: false })).toMatchObject({ party: { name: "Thomas" } });
  });

  test("events that do not fit change nothing", () => {
    const events = fc.constantFrom<LineEvent>(
      { type: "dial", party, video: true },
      { type: "blocked", error },
      { type: "dialed" },
      { type: "ring", party },
      { type: "accept", video: true },
      { type: "answered" },
      { type: "named", name: "N" },
      { type: "end", end, outgoing: true },
      { type: "dismiss" },
    );
    fc.assert(
      fc.property(fc.array(events, { maxLength: 30 }), (all) => {
        let line: Line = { at: "idle" };
        for (const event of all) {
          const next = nextLine(line, event);
          // From rest nothing but a call in or out begins, and talking follows only an answer.
          if (next.at === "talking" && line.at !== "talking") expect(["incoming", "dialing"]).toContain(line.at);
          if (isBusy(next) && !isBusy(line)) expect(["dial", "ring"]).toContain(event.type);
          line = next;
        }
      }),
    );
  });
});

describe("telephone numbers", () => {
  test("three groups of three digits", () => {
    expect(makePhoneId((bytes) => bytes.fill(17))).toBe("777-777-777");
  });

  test("what people type or paste is understood", () => {
    for (const text of ["483201775", " 483-201-775 ", "483 201 775", "４８３－２０１－７７５", "483−201−775"]) {
      expect(readPhoneId(text)).toBe("483-201-775");
    }
    expect(readPhoneId("https://calls.example/phone?call=483-201-775&key=k")).toBe("483-201-775");
    expect(readPhoneId("front-door")).toBe("front-door");
    expect(readPhoneId("  ")).toBe("");
  });
});
