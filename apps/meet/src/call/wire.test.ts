import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NAME_LENGTH } from "../state/settings.ts";
import { CHAT_LENGTH, cleanName, formatPresence, formatWireMessage, parseMessage, parsePresence } from "./wire.ts";

describe("what comes from others", () => {
  test("is never trusted: anything parses to something harmless", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const presence = parsePresence(value);
        expect([...presence.name].length).toBeLessThanOrEqual(NAME_LENGTH);
        const message = parseMessage(value);
        if (message?.type === "chat") expect(message.text.length).toBeLessThanOrEqual(CHAT_LENGTH);
      }),
    );
  });

  test("presence goes round", () => {
    const names = fc.string().map(cleanName);
    fc.assert(
      fc.property(
        names,
        fc.boolean(),
        fc.boolean(),
        fc.option(fc.uuid(), { nil: undefined }),
        (name, microphone, camera, screen) => {
          const presence = { name, microphone, camera, screen };
          expect(parsePresence(JSON.parse(JSON.stringify(formatPresence(presence))))).toEqual(presence);
          const message = { type: "presence", presence } as const;
          expect(parseMessage(JSON.parse(JSON.stringify(formatWireMessage(message))))).toEqual(message);
        },
      ),
    );
  });

  test("chat without text, without an ID or too long is ignored", () => {
    expect(parseMessage({ type: "chat", id: "1", text: "hello", extra: 1 })).toEqual({ type: "chat", id: "1", text: "hello" });
    for (const bad of [
      { id: "1", text: " " },
      { id: "", text: "x" },
      { text: "x" },
      { id: "1", text: "x".repeat(CHAT_LENGTH + 1) },
    ]) {
      expect(parseMessage({ type: "chat", ...bad })).toBeUndefined();
    }
    expect(parseMessage({ type: "vote" })).toBeUndefined();
    expect(parseMessage(null)).toBeUndefined();
  });

  test("a name is one line without invisible or direction-changing characters", () => {
    expect(cleanName("Mika\n\tSato")).toBe("Mika Sato");
    expect(cleanName("\u202Eevil\u200B")).toBe("evil");
    expect(cleanName("愛".repeat(60))).toHaveLength(NAME_LENGTH);
  });
});
