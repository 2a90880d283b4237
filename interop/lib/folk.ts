/** Pages with the real client libraries, as the registry has them, against the built server. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import {
  type BrowserKind,
  type BrowserPage,
  type ChromiumBrowser,
  helpersScript,
  launchChromium,
  launchFirefox,
  type PageServer,
  type ServerOptions,
  type ServerProcess,
  startPageServer,
  startServer,
  type TestBrowser,
} from "@tsunagi/testkit/drivers";
import "../../e2e/support/setup.ts";
import { COLOURS, type Expected, expectReceived } from "../../e2e/support/received.ts";
import { type Described, type Face, installFolk, type Kind } from "./folk-page.ts";

const require = createRequire(import.meta.url);

/** Kind to the file that its users load by a script tag. */
const FILES: Readonly<Record<Exclude<Kind, "native">, string>> = {
  skyway: "skyway-js/dist/skyway.js",
  skyway3: "skyway-js-3/dist/skyway.js",
  skyway2: "skyway-js-2/dist/skyway.js",
  peerjs: "peerjs/dist/peerjs.min.js",
};

/** Told apart by picture and tone also after encoding. */
export const FACES = {
  red: { colour: COLOURS.red, hz: 400 },
  green: { colour: COLOURS.green, hz: 600 },
  blue: { colour: COLOURS.blue, hz: 800 },
  yellow: { colour: COLOURS.yellow, hz: 1000 },
  cyan: { colour: COLOURS.cyan, hz: 1200 },
  magenta: { colour: COLOURS.magenta, hz: 1400 },
} as const satisfies Record<string, Face>;

export type FaceName = keyof typeof FACES;

/** What must be decoded of a face. */
export const seen = (name: FaceName): Expected => ({ colour: name, hz: FACES[name].hz });

/** A file of a package of the registry, as text: `peerjs/dist/peerjs.min.js`. */
export function registryText(file: string): string {
  const [name = "", ...path] = file.split("/");
  // Not through `exports`, which name no such file.
  const folder = require.resolve.paths(name)?.find((each) => exists(join(each, name)));
  return readFileSync(join(folder ?? "", name, ...path), "utf8");
}

export interface FolkStage {
  readonly server: ServerProcess;
  readonly pages: PageServer;
  readonly chromium: ChromiumBrowser;
  /** A page with that library; nobody in it yet. */
  page(kind: Kind, name?: string, browser?: BrowserKind, preload?: readonly string[]): Promise<BrowserPage>;
}

export async function openFolkStage(
  options: ServerOptions = {},
  more: Readonly<Record<string, string>> = {},
): Promise<FolkStage> {
  const [server, pages, chromium] = await Promise.all([startServer(options), startLibraryPages(more), launchChromium()]);
  let firefox: Promise<TestBrowser> | undefined;
  return {
    server,
    pages,
    chromium,
    async page(kind, name = kind, browser = "chromium", preload = []) {
      if (browser === "firefox") firefox ??= launchFirefox();
      const from = browser === "firefox" && firefox !== undefined ? await firefox : chromium;
      return openLibraryPage(from, pages, kind, name, preload);
    },
  };
}

/** A page for each kind at `/KIND.html`, the libraries at `/KIND.js`. */
export function startLibraryPages(more: Readonly<Record<string, string>> = {}): Promise<PageServer> {
  const scripts = Object.keys(FILES) as (keyof typeof FILES)[];
  const kinds: Kind[] = ["native", ...scripts];
  return startPageServer({
    pages: {
      ...Object.fromEntries(kinds.map((kind) => [`/${kind}.html`, pageOf(kind)])),
      ...Object.fromEntries(scripts.map((kind) => [`/${kind}.js`, registryText(FILES[kind])])),
      ...more,
    },
  });
}

export async function openLibraryPage(
  browser: TestBrowser,
  pages: PageServer,
  kind: Kind,
  name: string,
  preload: readonly string[] = [],
): Promise<BrowserPage> {
  const page = await browser.newPage({ name, preload: [helpersScript(), ...preload] });
  await page.goto(`${pages.url}/${kind}.html`);
  await page.evaluate(installFolk);
  return page;
}

function pageOf(kind: Kind): string {
  const library = kind === "native" ? "Tsunagi.Peer" : "Peer";
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${kind}</title>
<script src="/${kind === "native" ? "tsunagi" : kind}.js"></script>
<script>globalThis.Library = ${library}; globalThis.libraryKind = "${kind}";</script></head><body></body></html>`;
}

/** What a page of that kind gives to the constructor. */
export function optionsFor(kind: Kind, server: Pick<ServerProcess, "url" | "port" | "key">): Record<string, unknown> {
  if (kind === "native") return { server: server.url, key: server.key };
  const address = { host: new URL(server.url).hostname, port: server.port, secure: false };
  if (kind === "peerjs") return { ...address, path: "/peerjs", debug: 1 };
  return { ...address, key: server.key, debug: 1 };
}

export type Wishes = {
  /** The peer ID; default the name; null for one of the server's. */
  readonly id?: string | null;
  readonly answer?: FaceName | Face | null;
  /** Into the constructor, over those for the server. */
  readonly options?: Readonly<Record<string, unknown>>;
};

export class Someone {
  readonly page: BrowserPage;
  readonly name: string;
  readonly id: string;

  constructor(page: BrowserPage, name: string, id: string) {
    this.page = page;
    this.name = name;
    this.id = id;
  }

  journal(): Promise<string[]> {
    return this.page.evaluate((name: string) => folk.person(name).journal, this.name);
  }

  hallJournal(): Promise<string[]> {
    return this.page.evaluate((name: string) => folk.hall(name).journal, this.name);
  }

  linkJournal(index = -1): Promise<string[]> {
    return this.page.evaluate((name: string, at: number) => folk.link(name, at).journal, this.name, index);
  }

  /** Waits for an entry of the peer's journal that begins so. */
  async told(entry: string, withinMs = 15_000): Promise<string> {
    return this.page.waitFor(
      (name: string, begin: string) => folk.person(name).journal.find((each) => each.startsWith(begin)),
      { timeoutMs: withinMs, what: `"${entry}" told to ${this.name}` },
      this.name,
      entry,
    );
  }

  async hallTold(entry: string, withinMs = 15_000): Promise<string> {
    return this.page.waitFor(
      (name: string, begin: string) => folk.hall(name).journal.find((each) => each.startsWith(begin)),
      { timeoutMs: withinMs, what: `"${entry}" told to ${this.name} in its room` },
      this.name,
      entry,
    );
  }

  async linkTold(entry: string, withinMs = 15_000): Promise<string> {
    return this.page.waitFor(
      (name: string, begin: string) => folk.link(name).journal.find((each) => each.startsWith(begin)),
      { timeoutMs: withinMs, what: `"${entry}" told to ${this.name}'s connection` },
      this.name,
      entry,
    );
  }

  call(to: string, face: FaceName | Face | null, options: object = {}): Promise<void> {
    return this.page.evaluate(
      (name: string, target: string, stream: Face | null, more: object) => void folk.call(name, target, stream, more),
      ...([this.name, to, faceOf(face), options] as const),
    );
  }

  connect(to: string, options: object = {}): Promise<void> {
    return this.page.evaluate(
      async (name: string, target: string, more: object) => void (await folk.connect(name, target, more)),
      ...([this.name, to, options] as const),
    );
  }

  join(room: string, mode: "mesh" | "sfu", face: FaceName | Face | null, options: object = {}): Promise<void> {
    return this.page.evaluate(
      (name: string, into: string, how: string, stream: Face | null, more: object) => folk.join(name, into, how, stream, more),
      ...([this.name, room, mode, faceOf(face), options] as const),
    );
  }

  /** Decodes just these faces in the newest call. */
  sees(faces: readonly (FaceName | Expected)[], withinMs = 20_000): Promise<void> {
    const where = {
      streams: `folk.person(${JSON.stringify(this.name)}).links.at(-1)?.streams ?? []`,
      connections: `folk.person(${JSON.stringify(this.name)}).links.slice(-1).map(({ raw }) => raw.getPeerConnection?.() ?? raw.peerConnection)`,
    };
    return expectReceived(this.page, where, faces.map(expectedOf), { withinMs, what: `${this.name}'s call` });
  }

  /** Decodes just these faces in its room, one stream of each. */
  roomSees(faces: readonly (FaceName | Expected)[], withinMs = 25_000): Promise<void> {
    const where = { streams: `folk.hall(${JSON.stringify(this.name)}).streams` };
    return expectReceived(this.page, where, faces.map(expectedOf), { withinMs, what: `${this.name}'s room` });
  }

  /** The data that came over the newest connection, once there are so many. */
  async received(count: number, withinMs = 15_000): Promise<Described[]> {
    await this.page.waitFor(
      (name: string, wanted: number) => folk.link(name).received.length >= wanted,
      { timeoutMs: withinMs, what: `${count} messages for ${this.name}` },
      this.name,
      count,
    );
    return this.page.evaluate((name: string) => Promise.all(folk.link(name).received.map(folk.describe)), this.name);
  }

  async heard(count: number, withinMs = 15_000): Promise<{ src: string | undefined; data: Described }[]> {
    await this.page.waitFor(
      (name: string, wanted: number) => folk.hall(name).received.length >= wanted,
      { timeoutMs: withinMs, what: `${count} messages of the room for ${this.name}` },
      this.name,
      count,
    );
    return this.page.evaluate(
      (name: string) =>
        Promise.all(folk.hall(name).received.map(async ({ src, data }) => ({ src, data: await folk.describe(data) }))),
      this.name,
    );
  }

  leave(): Promise<void> {
    return this.page.evaluate((name: string) => folk.hall(name).raw.close(), this.name);
  }

  destroy(): Promise<void> {
    return this.page.evaluate((name: string) => folk.person(name).peer.destroy(), this.name);
  }
}

/** A peer in a page that is open. Its name is its ID unless told. */
export async function enter(
  page: BrowserPage,
  server: Pick<ServerProcess, "url" | "port" | "key">,
  name: string,
  wishes: Wishes = {},
): Promise<Someone> {
  const given = await page.evaluate(
    (who: string, id: string | null, options: Record<string, unknown>, answer: Face | null | undefined) =>
      folk.open(who, id ?? undefined, { options, ...(answer === undefined ? {} : { answer }) }),
    name,
    wishes.id === undefined ? name : wishes.id,
    { ...optionsFor(await kindOf(page), server), ...wishes.options },
    wishes.answer === undefined ? undefined : faceOf(wishes.answer),
  );
  return new Someone(page, name, given);
}

/** One that may never open. */
export async function attempt(
  page: BrowserPage,
  server: Pick<ServerProcess, "url" | "port" | "key">,
  name: string,
  wishes: Wishes = {},
): Promise<Someone> {
  const id = wishes.id === undefined ? name : wishes.id;
  const options = { ...optionsFor(await kindOf(page), server), ...wishes.options };
  await page.evaluate(
    (who: string, wanted: string | null, more: Record<string, unknown>) =>
      void folk.make(who, wanted ?? undefined, { options: more }),
    ...([name, id, options] as const),
  );
  return new Someone(page, name, id ?? "");
}

export const clear = (...pages: readonly BrowserPage[]): Promise<unknown> =>
  Promise.all(pages.map((page) => page.evaluate(() => folk.clear())));

const kindOf = (page: BrowserPage): Promise<Kind> => page.evaluate(() => libraryKind);
const expectedOf = (face: FaceName | Expected): Expected => (typeof face === "string" ? seen(face) : face);
const faceOf = (face: FaceName | Face | null): Face | null => (typeof face === "string" ? FACES[face] : face);

function exists(path: string): boolean {
  try {
    readFileSync(join(path, "package.json"));
    return true;
  } catch {
    return false;
  }
}
