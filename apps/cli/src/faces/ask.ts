/** One HTTP request as a page of another origin would make it. */
import { noAnswer, open } from "../doctor/network-probes.ts";
import type { NoAnswer } from "../doctor/probes.ts";

export type Answer = {
  readonly type: "response";
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  readonly ms: number;
};
export type AskResult = Answer | NoAnswer;

export type AskOptions = {
  readonly method?: "GET" | "POST" | "OPTIONS";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
};

/** Far above anything that a check reads: an offer of an SFU room has some ten thousand. */
const MAX_BODY = 1_048_576;

export function ask(url: URL, { method = "GET", headers = {}, body, timeoutMs }: AskOptions): Promise<AskResult> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const outgoing = open(url, { method, headers, signal: AbortSignal.timeout(Math.ceil(timeoutMs)) }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
        if (text.length <= MAX_BODY) return;
        outgoing.destroy();
        resolve({ type: "foreign", detail: `an answer of more than ${MAX_BODY} bytes` });
      });
      response.on("error", (error) => resolve(noAnswer(error)));
      response.on("end", () => {
        const joined = Object.entries(response.headers).map(([name, value]) => [
          name,
          Array.isArray(value) ? value.join(", ") : value,
        ]);
        resolve({
          type: "response",
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(joined) as Answer["headers"],
          body: text,
          ms: performance.now() - startedAt,
        });
      });
    });
    outgoing.on("error", (error) => resolve(noAnswer(error)));
    outgoing.end(body);
  });
}

/** @returns undefined when it is not JSON */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}
