/** Messages with places for values, and their forms for numbers. */

/** One text, or one per plural category of the language (Intl.PluralRules) over the value `count`. */
export type Message = string | { readonly one?: string; readonly other: string };
export type Values = Readonly<Record<string, string | number>>;

/** Fills `{name}` places; numbers are written the language's way. A place without a value stays visible, so that it is noticed. */
export function formatMessage(message: Message, locale: string, values: Values = {}): string {
  const text = typeof message === "string" ? message : chooseForm(message, locale, values.count);
  return text.replace(/\{(\w+)\}/g, (place, name: string) => {
    const value = values[name];
    if (value === undefined) return place;
    return typeof value === "number" ? new Intl.NumberFormat(locale).format(value) : value;
  });
}

function chooseForm(message: Exclude<Message, string>, locale: string, count: string | number | undefined): string {
  if (typeof count !== "number") return message.other;
  const category = new Intl.PluralRules(locale).select(count);
  return category === "one" && message.one !== undefined ? message.one : message.other;
}
