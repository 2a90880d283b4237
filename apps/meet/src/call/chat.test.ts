import { describe, expect, test } from "vitest";
import { addItem, type ChatItem, countUnread, type Delivery, splitLinks, summarise, updateFile } from "./chat.ts";

const message = (id: string, from?: string): ChatItem => ({
  type: "message",
  id,
  at: 0,
  from: from === undefined ? undefined : { id: from, name: from },
  text: id,
});
const file: ChatItem = {
  type: "file",
  id: "f",
  at: 0,
  from: undefined,
  name: "a.pdf",
  size: 100,
  progress: { direction: "out", to: {}, bytesPerSecond: 0 },
};
const delivery = (state: Delivery["state"], sent = 0): Delivery => ({ name: "x", state, sent });

describe("the list", () => {
  test("takes each message once", () => {
    const once = addItem([], message("1"));
    expect(addItem(once, message("1"))).toBe(once);
  });

  test("lets the oldest go, but no file", () => {
    let items: readonly ChatItem[] = [file];
    for (let index = 0; index < 1200; index++) items = addItem(items, message(String(index)));
    expect(items).toHaveLength(1000);
    expect(items[0]).toBe(file);
    expect(items.at(-1)?.id).toBe("1199");
  });

  test("counts what others wrote since", () => {
    const items = [message("1", "a"), message("2"), message("3", "a"), { type: "joined", id: "4", at: 0, name: "b" } as const];
    expect(countUnread(items, new Set(["1"]))).toBe(1);
  });

  test("changes one file only", () => {
    const other = { ...file, id: "g" };
    const next = updateFile([file, other], "f", (progress) => ({ ...progress, bytesPerSecond: 5 }));
    expect(next[0]).toMatchObject({ progress: { bytesPerSecond: 5 } });
    expect(next[1]).toBe(other);
  });
});

describe("one file to several people", () => {
  test("is being sent while anyone receives", () => {
    const to = { a: delivery("done"), b: delivery("sending", 50), c: delivery("declined") };
    expect(summarise(to, 100)).toEqual({ state: "sending", fraction: 0.75, waiting: 0, done: 1, count: 3 });
  });

  test("is done when nobody is left to wait for", () => {
    expect(summarise({ a: delivery("done"), b: delivery("declined") }, 100)).toMatchObject({ state: "done", fraction: 1 });
    expect(summarise({ a: delivery("declined") }, 100)).toMatchObject({ state: "declined", fraction: 0 });
    expect(summarise({ a: delivery("done") }, 0)).toMatchObject({ state: "done", fraction: 1 });
  });
});

describe("links in a message", () => {
  test("only http and https, without the sentence's punctuation", () => {
    expect(splitLinks("see https://example.org/a?b=1. ok")).toEqual([
      { text: "see ", href: undefined },
      { text: "https://example.org/a?b=1", href: "https://example.org/a?b=1" },
      { text: ". ok", href: undefined },
    ]);
    expect(splitLinks("javascript:alert(1) data:text/html,x")).toEqual([
      { text: "javascript:alert(1) data:text/html,x", href: undefined },
    ]);
    expect(splitLinks("資料はhttps://example.org/資料。")[1]).toEqual({
      text: "https://example.org/資料",
      href: "https://example.org/資料",
    });
  });

  test("the parts together are the text", () => {
    const text = "a https://x.y b http://z, (https://q.r/s)";
    expect(
      splitLinks(text)
        .map((part) => part.text)
        .join(""),
    ).toBe(text);
  });
});
