import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { en } from "./en.ts";
import { createI18n, detectLocale, type Key, MESSAGES } from "./index.tsx";
import { formatMessage, type Message } from "./message.ts";

const SOURCE = join(import.meta.dirname, "..");

function forms(message: Message): readonly string[] {
  return typeof message === "string" ? [message] : Object.values(message);
}

function places(message: Message): readonly string[] {
  return [...new Set(forms(message).flatMap((text) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "")))].sort();
}

describe("the two languages", () => {
  test("have the same keys, each with the same places", () => {
    expect(Object.keys(MESSAGES.ja).sort()).toEqual(Object.keys(MESSAGES.en).sort());
    for (const key of Object.keys(en) as Key[])
      expect({ key, places: places(MESSAGES.ja[key]) }).toEqual({ key, places: places(en[key]) });
  });

  test("no text is empty", () => {
    for (const messages of Object.values(MESSAGES)) {
      for (const text of Object.values(messages).flatMap(forms)) expect(text.trim()).not.toBe("");
    }
  });

  test("Japanese is Japanese: no half-width punctuation after its letters, and not the English text", () => {
    const same = new Set<Key>(["settings.language.en", "settings.language.ja"]);
    for (const key of Object.keys(en) as Key[]) {
      for (const text of forms(MESSAGES.ja[key])) {
        expect({ key, text, bad: /[぀-ヿ一-鿿][,.!?:;]/.test(text) }).toMatchObject({ bad: false });
        if (!same.has(key)) expect(text).not.toBe(en[key]);
      }
    }
  });

  test("every text is used somewhere", () => {
    const code = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
      .filter((path) => /\.tsx?$/.test(path) && !path.includes(".test.") && !/i18n[\\/](live\.)?(en|ja)\.ts$/.test(path))
      .map((path) => readFileSync(join(SOURCE, path), "utf8"))
      .join("\n");
    // Keys that are put together: `tile.${link}` stands for all that begin so.
    const prefixes = [...code.matchAll(/`([\w.-]+\.)\$\{/g)].map((match) => match[1] ?? "");
    const unused = Object.keys(en).filter(
      (key) => !code.includes(`"${key}"`) && !prefixes.some((prefix) => key.startsWith(prefix)),
    );
    expect(unused).toEqual([]);
  });
});

describe("formatMessage", () => {
  test("fills places and keeps those without a value visible", () => {
    expect(formatMessage("{name} and {other}", "en", { name: "Mika" })).toBe("Mika and {other}");
  });

  test("chooses the plural form and writes numbers the language's way", () => {
    const { t } = createI18n("en");
    expect(t("call.people.count", { count: 1 })).toBe("1 person");
    expect(t("call.people.count", { count: 1200 })).toBe("1,200 people");
    expect(createI18n("ja").t("call.people.count", { count: 1 })).toBe("1人");
  });

  test("a value with a brace or dollar sign is plain text", () => {
    expect(formatMessage("{name}!", "en", { name: "$& {name}" })).toBe("$& {name}!");
  });
});

test("the first language of the browser that the app speaks", () => {
  expect(detectLocale(["fr-FR", "ja-JP", "en"])).toBe("ja");
  expect(detectLocale(["en-GB", "ja"])).toBe("en");
  expect(detectLocale(["de"])).toBe("en");
});
