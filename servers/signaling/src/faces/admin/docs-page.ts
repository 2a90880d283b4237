/** The OpenAPI document as one page to read: no script, nothing loaded from elsewhere. */
import { createHash } from "node:crypto";

type Schema = {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: { readonly [name: string]: Schema };
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
};
type Content = { readonly content?: { readonly [type: string]: { readonly schema?: Schema } }; readonly description?: string };
type Operation = {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema?: Schema;
  }[];
  readonly requestBody?: Content;
  readonly responses?: { readonly [status: string]: Content };
};
export type OpenApi = {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly paths: { readonly [path: string]: { readonly [method: string]: Operation } };
  readonly components?: { readonly schemas?: { readonly [name: string]: Schema } };
};

const STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 6rem; }
h1 { font-size: 1.7rem; margin: 0; } h2 { margin: 3rem 0 .5rem; text-transform: capitalize; }
section { border-top: 1px solid var(--line); padding: 1rem 0; } h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
code, pre { font: .875rem/1.5 ui-monospace, monospace; } pre { border: 1px solid var(--line); border-radius: 6px; padding: .75rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; } th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; }
th { font-weight: 600; font-size: .8125rem; } td:first-child, th:first-child { width: 7rem; } nav a { margin-right: 1rem; } .method { display: inline-block; min-width: 4.5rem; font-weight: 700; }
`;

export function docsPage(document: OpenApi): { readonly html: string; readonly contentSecurityPolicy: string } {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation, tag: operation.tags?.[0] ?? "other" })),
  );
  const tags = [...new Set(operations.map(({ tag }) => tag))];
  const schemas = Object.entries(document.components?.schemas ?? {});
  const { title, version, description } = document.info;
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body>
<h1>${escapeHtml(title)}</h1>
<p>Version ${escapeHtml(version)}. ${inline(description ?? "")} A failure's status is 4xx or 5xx and its body an <a href="#schema-Error">Error</a>. Machine-readable: <a href="openapi.json">openapi.json</a>.</p>
<pre>curl -H "Authorization: Bearer $TOKEN" http://localhost:8080/admin/v1/server</pre>
<nav>${[...tags, "schemas"].map((tag) => `<a href="#${escapeHtml(tag)}">${escapeHtml(tag)}</a>`).join("")}</nav>
${tags
  .map(
    (tag) =>
      `<h2 id="${escapeHtml(tag)}">${escapeHtml(tag)}</h2>${operations
        .filter((each) => each.tag === tag)
        .map(operationHtml)
        .join("")}`,
  )
  .join("")}
<h2 id="schemas">schemas</h2>
${schemas.map(([name, schema]) => `<section id="schema-${escapeHtml(name)}"><h3>${escapeHtml(name)}</h3>${schemaHtml(schema)}</section>`).join("")}
</body></html>`;
  const hash = createHash("sha256").update(STYLE).digest("base64");
  return {
    html,
    contentSecurityPolicy: `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  };
}

function operationHtml({ path, method, operation }: { path: string; method: string; operation: Operation }): string {
  const parameters = (operation.parameters ?? []).map(
    (each) =>
      `<tr><td><code>${escapeHtml(each.name)}</code></td><td>${escapeHtml(each.in)}${each.required ? "" : ", optional"}</td><td>${typeHtml(each.schema)}</td><td>${inline(each.description ?? each.schema?.description ?? "")}</td></tr>`,
  );
  const body = schemaOf(operation.requestBody);
  // Failures look the same everywhere and are told once, above.
  const answers = Object.entries(operation.responses ?? {}).filter(([status]) => !/^[45]/.test(status));
  const responses = answers.map(
    ([status, content]) =>
      `<tr><td>${escapeHtml(status)}</td><td>${typeHtml(schemaOf(content)) || inline(content.description ?? "")}</td></tr>`,
  );
  return `<section><h3><span class="method">${escapeHtml(method.toUpperCase())}</span> <code>${escapeHtml(path)}</code></h3>
<p>${inline(operation.summary ?? "")}</p>
${parameters.length === 0 ? "" : `<table><tr><th>Name</th><th>Where</th><th>Type</th><th></th></tr>${parameters.join("")}</table>`}
${body === undefined ? "" : `<p>Body: ${typeHtml(body)}</p>${schemaHtml(body)}`}
<table><tr><th>Status</th><th>Answer</th></tr>${responses.join("")}</table></section>`;
}

function schemaOf(content: Content | undefined): Schema | undefined {
  return Object.values(content?.content ?? {})[0]?.schema;
}

function schemaHtml(schema: Schema): string {
  const object = schema.properties === undefined ? schema.anyOf?.find((each) => each.properties !== undefined) : schema;
  if (object?.properties === undefined) return "";
  const rows = Object.entries(object.properties).map(([name, property]) => {
    const optional = object.required?.includes(name) ? "" : ", optional";
    return `<tr><td><code>${escapeHtml(name)}</code></td><td>${typeHtml(property)}${optional}</td><td>${inline(property.description ?? "")}</td></tr>`;
  });
  return `<table><tr><th>Field</th><th>Type</th><th></th></tr>${rows.join("")}</table>`;
}

function typeHtml(schema: Schema | undefined): string {
  if (schema === undefined) return "";
  const reference = schema.$ref?.split("/").at(-1);
  if (reference !== undefined) return `<a href="#schema-${escapeHtml(reference)}">${escapeHtml(reference)}</a>`;
  if (schema.enum !== undefined)
    return schema.enum.map((value) => `<code>${escapeHtml(JSON.stringify(value))}</code>`).join(" or ");
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeHtml).join(" or ");
  if (schema.properties !== undefined) {
    const fields = Object.entries(schema.properties).map(
      ([name, property]) =>
        `<code>${escapeHtml(name)}</code>: ${typeHtml(property)}${schema.required?.includes(name) ? "" : ", optional"}`,
    );
    return `{ ${fields.join("; ")} }`;
  }
  if (schema.items !== undefined) return `list of ${typeHtml(schema.items)}`;
  const bounds = [
    schema.minimum === undefined ? "" : `from ${schema.minimum}`,
    schema.maximum === undefined || schema.maximum >= Number.MAX_SAFE_INTEGER ? "" : `to ${schema.maximum}`,
    schema.maxLength === undefined ? "" : `at most ${schema.maxLength} characters`,
    schema.default === undefined ? "" : `default ${JSON.stringify(schema.default)}`,
  ].filter((bound) => bound !== "");
  const type = escapeHtml([schema.type ?? "any JSON value"].flat().join(" or "));
  return bounds.length === 0 ? type : `${type} (${escapeHtml(bounds.join(", "))})`;
}

/** Text with `code` in it. */
function inline(text: string): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, "<code>$1</code>");
}

function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (character) => entities[character] ?? character);
}
