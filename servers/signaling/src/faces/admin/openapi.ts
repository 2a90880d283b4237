/** Makes the generated document as short as one written by hand: the generator names every schema twice, as taken and as given. */

type Json = { [name: string]: unknown };
export type OpenApiDocument = {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly paths: { readonly [path: string]: { readonly [method: string]: Json } };
  readonly components: { readonly schemas: { readonly [name: string]: Json } };
};

const REFERENCE = /^#\/components\/schemas\/(.+)$/;
const TAKEN = "Input";

/** @param generated as it comes from the generator, left as it was */
export function tidyOpenApi(generated: unknown): OpenApiDocument {
  // Through text: a copy, without what is undefined, and the shape that the generator promises.
  const document = JSON.parse(JSON.stringify(generated)) as OpenApiDocument;
  const { schemas } = document.components;
  const used = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    const name = REFERENCE.exec(String((value as Json).$ref ?? ""))?.[1];
    if (name !== undefined && !used.has(name)) {
      used.add(name);
      visit(schemas[name]);
    }
    for (const each of Object.values(value)) visit(each);
  };
  visit(document.paths);
  // `AppInput` stands for what is taken; where nothing of the name is given, the plain name is free for it.
  const plain = (name: string) => {
    const short = name.endsWith(TAKEN) ? name.slice(0, -TAKEN.length) : name;
    return used.has(short) ? name : short;
  };
  const rename = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(rename);
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).flatMap(([key, each]): [string, unknown][] => {
      // "Any safe integer" is what `integer` means to a reader.
      if ((key === "minimum" || key === "maximum") && Math.abs(Number(each)) === Number.MAX_SAFE_INTEGER) return [];
      const name = key === "$ref" ? REFERENCE.exec(String(each))?.[1] : undefined;
      return [[key, name === undefined ? rename(each) : `#/components/schemas/${plain(name)}`]];
    });
    return Object.fromEntries(entries);
  };
  const kept = Object.entries(schemas)
    .filter(([name]) => used.has(name))
    .map(([name, schema]): [string, Json] => [plain(name), rename(schema) as Json]);
  kept.sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...document,
    paths: rename(document.paths) as OpenApiDocument["paths"],
    components: { ...document.components, schemas: Object.fromEntries(kept) },
  };
}
