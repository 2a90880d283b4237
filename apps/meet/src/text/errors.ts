/** From anything that was thrown or emitted to words that help. */
import type { Locale } from "../i18n/index.tsx";
import { type ErrorText, errorsEn } from "./errors.en.ts";
import { errorsJa } from "./errors.ja.ts";

/** What the views show of an error; plain data, so that it can live in a store. */
export type ShownError = { readonly code: string; readonly message: string; readonly remedy: string | undefined };

const TEXTS: Readonly<Record<Locale, Readonly<Record<string, ErrorText>>>> = { en: errorsEn, ja: errorsJa };

const CODE = /^[a-z0-9-]+(\.[a-z0-9-]+){2}$/;

/** Coded errors keep their code; anything else is a mistake of the app and says so by its code. */
export function toShownError(error: unknown): ShownError {
  if (error instanceof Error) {
    const { code, remedy } = error as { readonly code?: unknown; readonly remedy?: unknown };
    if (typeof code === "string" && CODE.test(code)) {
      return { code, message: error.message, remedy: typeof remedy === "string" ? remedy : undefined };
    }
    return { code: "meet.app.failed", message: error.message, remedy: undefined };
  }
  return { code: "meet.app.failed", message: String(error), remedy: undefined };
}

export function appError(code: `meet.${string}` | `media.${string}`, message: string): ShownError {
  return { code, message, remedy: undefined };
}

export type DescribedError = { readonly happened: string; readonly remedy: string | undefined; readonly code: string };

/** The app's own words for a known code; for one that it does not know, the words that came with it. */
export function describeError(error: ShownError, locale: Locale): DescribedError {
  const texts = TEXTS[locale];
  const text = Object.hasOwn(texts, error.code) ? texts[error.code] : undefined;
  if (text === undefined) return { happened: error.message, remedy: error.remedy, code: error.code };
  return { happened: text[0], remedy: text[1], code: error.code };
}
