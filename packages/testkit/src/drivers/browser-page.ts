/** What tests need of a browser, the same over Chromium (playwright-core) and Firefox (puppeteer-core, WebDriver BiDi). */

export type BrowserKind = "chromium" | "firefox";

export type BrowserOptions = {
  /** Further command-line switches. */
  readonly args?: readonly string[];
  /** Network namespace to run in (Chromium only: Firefox is driven over a socket that the namespace would hide). */
  readonly netns?: string;
  /** Origins over plain http, other than localhost, that may use camera and microphone, e.g. `http://10.88.0.1:8080`. */
  readonly secureOrigins?: readonly string[];
  /** false leaves the permission prompts on and unanswered or refused, to test how the app takes it. Default true. */
  readonly allowMedia?: boolean;
  /** BCP 47, e.g. `ja-JP`. Default `en-US`. */
  readonly locale?: string;
  /** Default 1280 × 800. */
  readonly viewport?: { readonly width: number; readonly height: number };
};

export type PageOptions = {
  /** Shown in reports and errors: "alice". */
  readonly name?: string;
  /** Script texts run in each document before its own scripts. */
  readonly preload?: readonly string[];
  readonly viewport?: { readonly width: number; readonly height: number };
};

export type WaitOptions = {
  /** Default 15,000. */
  readonly timeoutMs?: number;
  /** Completes the sentence "timed out waiting for …". */
  readonly what?: string;
};

export interface TestBrowser {
  readonly kind: BrowserKind;
  /** Each page has its own storage and, as far as the browser is concerned, is in front. */
  newPage(options?: PageOptions): Promise<BrowserPage>;
  close(): Promise<void>;
}

export type Truthy<T> = Exclude<T, false | 0 | "" | null | undefined>;

/** Arguments and results of functions run in the page pass as JSON; `undefined` passes too. */
export interface BrowserPage {
  readonly kind: BrowserKind;
  readonly name: string;
  /** What the page wrote to its console and the errors nobody caught, oldest first. */
  readonly console: readonly string[];
  goto(url: string): Promise<void>;
  reload(): Promise<void>;
  url(): string;
  /** Runs a function that refers to nothing outside itself; awaits what it returns; throws what it throws, with its `code`. */
  evaluate<Args extends readonly unknown[], Result>(
    run: (...args: Args) => Result | Promise<Result>,
    ...args: Args
  ): Promise<Result>;
  /** Runs an expression given as text. */
  expression<Result>(text: string): Promise<Result>;
  /** Polls until the function returns something truthy, and returns that. An error thrown by it counts as "not yet". */
  waitFor<Args extends readonly unknown[], Result>(
    run: (...args: Args) => Result | Promise<Result>,
    options?: WaitOptions,
    ...args: Args
  ): Promise<Truthy<Result>>;
  /** Waits for the element, then clicks it as a person would. */
  click(selector: string): Promise<void>;
  /** Waits for the field, empties it and types. */
  fill(selector: string, text: string): Promise<void>;
  press(key: string): Promise<void>;
  /** Waits until an element matches and is shown, and returns its text. */
  text(selector: string, options?: WaitOptions): Promise<string>;
  /** Puts files from disk into an `<input type=file>`. */
  upload(selector: string, paths: readonly string[]): Promise<void>;
  resize(width: number, height: number): Promise<void>;
  /** A PNG of what is seen; written to `path` when given. */
  screenshot(path?: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** What one driver has to bring; {@link makePage} builds the rest on it. */
export type PageAdapter = {
  readonly kind: BrowserKind;
  readonly name: string;
  readonly console: readonly string[];
  goto(url: string): Promise<void>;
  reload(): Promise<void>;
  url(): string;
  /** Evaluates an expression and awaits its promise. */
  run(expression: string): Promise<unknown>;
  click(selector: string): Promise<void>;
  fill(selector: string, text: string): Promise<void>;
  press(key: string): Promise<void>;
  upload(selector: string, paths: readonly string[]): Promise<void>;
  resize(width: number, height: number): Promise<void>;
  screenshot(): Promise<Uint8Array>;
  close(): Promise<void>;
};

/** An error thrown inside a page. */
export class PageError extends Error {
  override readonly name = "PageError";
  readonly code: string | undefined;
  /** The `name` of the error in the page: `NotAllowedError`. */
  readonly pageErrorName: string;

  constructor(page: string, thrown: ThrownInPage) {
    super(`${page}: ${thrown.name}: ${thrown.message}${thrown.code === undefined ? "" : ` (${thrown.code})`}`);
    this.code = thrown.code;
    this.pageErrorName = thrown.name;
    if (thrown.stack !== undefined) this.stack = `${this.message}\n${thrown.stack}\n${this.stack ?? ""}`;
  }
}

type ThrownInPage = {
  readonly name: string;
  readonly message: string;
  readonly code?: string | undefined;
  readonly stack?: string | undefined;
};
type Outcome = { readonly value?: unknown; readonly thrown?: ThrownInPage };

/** Between two looks at a condition, which the page takes by itself: a look from outside costs three processes some work. */
const POLL_MS = 25;
/** How long the page looks before it is asked again: it may have been loaded anew. */
const ASK_MS = 1_000;
/** How much later than that it answers, unless what was asked went with its document. */
const ANSWER_MS = 5_000;

export const DEFAULT_WAIT_MS = 15_000;

export function makePage(adapter: PageAdapter, writeFile: (path: string, bytes: Uint8Array) => Promise<void>): BrowserPage {
  const run = async (source: string): Promise<unknown> => {
    // As one JSON text, so that both browsers hand values over in exactly the same way.
    const json = await adapter.run(`(async () => {
      try {
        return JSON.stringify({ value: await (${source}) });
      } catch (error) {
        const { name = "Error", message = String(error), code, stack } = Object(error);
        return JSON.stringify({ thrown: { name, message, code: code === undefined ? undefined : String(code), stack } });
      }
    })()`);
    const outcome = JSON.parse(String(json)) as Outcome;
    if (outcome.thrown !== undefined) throw new PageError(adapter.name, outcome.thrown);
    return outcome.value;
  };
  const evaluate: BrowserPage["evaluate"] = async (fn, ...args) =>
    (await run(callText(fn, args))) as Awaited<ReturnType<typeof fn>>;

  const waitFor: BrowserPage["waitFor"] = async (fn, options = {}, ...args) => {
    const limitMs = options.timeoutMs ?? DEFAULT_WAIT_MS;
    const startedAt = performance.now();
    let last: unknown;
    for (;;) {
      const leftMs = limitMs - (performance.now() - startedAt);
      if (leftMs <= 0) break;
      try {
        const forMs = Math.min(leftMs, ASK_MS);
        last = await within(
          forMs + ANSWER_MS,
          run(`(${pollInPage.toString()})(() => ${callText(fn, args)}, ${forMs}, ${POLL_MS})`),
        );
        if (last) return last as Truthy<Awaited<ReturnType<typeof fn>>>;
      } catch (error) {
        last = error;
        // One that cannot run at all, in a page that is just being loaded, would be asked without a pause.
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    }
    const seen = last instanceof Error ? last.message : JSON.stringify(last);
    const tail = adapter.console.slice(-5).join("\n  ");
    throw new Error(
      `${adapter.name}: timed out after ${limitMs} ms waiting for ${options.what ?? fn.toString().slice(0, 200)}; last: ${seen}` +
        (tail === "" ? "" : `\n  ${tail}`),
    );
  };

  return {
    kind: adapter.kind,
    name: adapter.name,
    console: adapter.console,
    goto: (url) => adapter.goto(url),
    reload: () => adapter.reload(),
    url: () => adapter.url(),
    evaluate,
    expression: async <Result>(text: string) => (await run(text)) as Result,
    waitFor,
    click: (selector) => adapter.click(selector),
    fill: (selector, text) => adapter.fill(selector, text),
    press: (key) => adapter.press(key),
    text: (selector, options = {}) =>
      waitFor(
        (query: string) => {
          const element = document.querySelector(query);
          // biome-ignore lint/performance/useDomNodeTextContent: what a person sees, without hidden parts
          return element instanceof HTMLElement && element.getClientRects().length > 0 && element.innerText;
        },
        { what: `the text of ${selector}`, ...options },
        selector,
      ),
    upload: (selector, paths) => adapter.upload(selector, paths),
    resize: (width, height) => adapter.resize(width, height),
    screenshot: async (path) => {
      const bytes = await adapter.screenshot();
      if (path !== undefined) await writeFile(path, bytes);
      return bytes;
    },
    close: () => adapter.close(),
  };
}

/** Remembers the last lines of a page's console. */
export class ConsoleLines {
  readonly lines: string[] = [];
  readonly #limit = 500;

  push(line: string): void {
    this.lines.push(line);
    if (this.lines.length > this.#limit) this.lines.shift();
  }
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Runs in the page: until it is truthy or time is up, then what it said last. */
async function pollInPage(look: () => unknown, forMs: number, everyMs: number): Promise<unknown> {
  const until = performance.now() + forMs;
  for (;;) {
    let outcome: { value: unknown } | { error: unknown };
    try {
      outcome = { value: await look() };
    } catch (error) {
      outcome = { error };
    }
    if ("value" in outcome && outcome.value) return outcome.value;
    if (performance.now() >= until) {
      if ("error" in outcome) throw outcome.error;
      return outcome.value;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

function callText(fn: (...args: never[]) => unknown, args: readonly unknown[]): string {
  const list = args.map((each) => (each === undefined ? "undefined" : JSON.stringify(each))).join(", ");
  return `(${fn.toString()})(${list})`;
}
