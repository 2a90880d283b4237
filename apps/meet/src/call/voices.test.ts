import { describe, expect, test } from "vitest";
import { Voices } from "./voices.ts";

describe("who speaks", () => {
  test("the turn stays with the first while several speak, and through pauses", () => {
    const voices = new Voices();
    voices.hear("a", true);
    voices.hear("b", true);
    expect(voices.store.get().active).toBe("a");
    voices.hear("a", false);
    expect(voices.store.get().active).toBe("b");
    voices.hear("b", false);
    expect(voices.store.get()).toEqual({ speaking: new Set(), active: "b" });
  });

  test("levels that tell the same wake nobody", () => {
    const voices = new Voices();
    voices.tell(new Set(["a"]));
    let woken = 0;
    voices.store.subscribe(() => woken++);
    voices.tell(new Set(["a"]));
    expect(woken).toBe(0);
    voices.tell(new Set(["b"]));
    expect(woken).toBe(1);
  });

  test("one who left speaks no more", () => {
    const voices = new Voices();
    voices.tell(new Set(["a", "b"]));
    voices.setTurn("a");
    voices.forget("a");
    expect(voices.store.get()).toEqual({ speaking: new Set(["b"]), active: undefined });
  });
});
