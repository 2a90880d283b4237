/** The language of the page: chosen, or the browser's, and everything that is written in it. */
import { createContext, type ReactNode, useContext, useEffect, useMemo } from "react";
import { type Language, settings } from "../state/settings.ts";
import { useField } from "../state/store.ts";
import { en } from "./en.ts";
import { ja } from "./ja.ts";
import { formatMessage, type Message, type Values } from "./message.ts";

export type Locale = "en" | "ja";
export type Key = keyof typeof en;
export type Translate = (key: Key, values?: Values) => string;

export const MESSAGES: Readonly<Record<Locale, Readonly<Record<Key, Message>>>> = { en, ja };

/** The first language of the browser's list that the app speaks. */
export function detectLocale(languages: readonly string[]): Locale {
  for (const language of languages) {
    const base = language.toLowerCase().split("-")[0];
    if (base === "ja" || base === "en") return base;
  }
  return "en";
}

export function resolveLocale(choice: Language): Locale {
  return choice === "auto" ? detectLocale(navigator.languages) : choice;
}

export type I18n = { readonly locale: Locale; readonly t: Translate };

export function createI18n(locale: Locale): I18n {
  return { locale, t: (key, values) => formatMessage(MESSAGES[locale][key], locale, values) };
}

const Context = createContext<I18n>(createI18n("en"));

export function I18nProvider({ children }: { readonly children: ReactNode }) {
  const locale = resolveLocale(useField(settings, "language"));
  const value = useMemo(() => createI18n(locale), [locale]);
  useEffect(() => {
    document.documentElement.lang = locale;
  }, [locale]);
  return <Context value={value}>{children}</Context>;
}

export function useI18n(): I18n {
  return useContext(Context);
}
