/** Who can do what with whom, tried: peers of the SDK, of skyway-js and of peerjs in one app. */
import type { BrowserPage } from "@tsunagi/testkit/drivers";
import { enter, type FaceName, type FolkStage, type Someone } from "./folk.ts";

export const KINDS = ["native", "skyway", "peerjs"] as const;
export type MatrixKind = (typeof KINDS)[number];

/** What stands in a cell of the printed tables. */
export type Cells = Record<string, Record<string, string>>;

export type Matrix = {
  readonly call: Cells;
  readonly data: Cells;
  readonly presence: Cells;
  readonly mesh: Cells;
  readonly sfu: Cells;
};

export const TITLES: Readonly<Record<keyof Matrix, string>> = {
  call: "Calls: the row calls the column, both see and hear the other, each ends one",
  data: "Data: the row connects to the column; values go both ways",
  presence: "Presence: the row sees the column in its list and by asking",
  mesh: "Mesh rooms: the row is there, the column joins",
  sfu: "SFU rooms: the row is there, the column joins",
};

export const NAMES: Readonly<Record<MatrixKind, string>> = { native: "SDK", skyway: "skyway-js", peerjs: "peerjs" };

/** Each library's own words. */
const SERIALIZATIONS: Readonly<Record<MatrixKind, readonly string[]>> = {
  native: ["raw", "json", "binary"],
  skyway: ["none", "json", "binary", "binary-utf8"],
  peerjs: ["raw", "json", "binary", "binary-utf8"],
};

type Cast = Readonly<Record<MatrixKind, { readonly page: BrowserPage; readonly caller: Someone; readonly callee: Someone }>>;

const FACE_OF: Readonly<Record<MatrixKind, FaceName>> = { native: "red", skyway: "green", peerjs: "blue" };

export async function tryAll(stage: FolkStage): Promise<Matrix> {
  const cast = {} as Record<MatrixKind, Cast[MatrixKind]>;
  for (const kind of KINDS) {
    const page = await stage.page(kind);
    // Each pair has a caller and a callee of its own kind, so that what one pair is told is not taken for another's.
    const caller = await enter(page, stage.server, `${kind}-caller`);
    const callee = await enter(page, stage.server, `${kind}-callee`, { answer: FACE_OF[kind] });
    cast[kind] = { page, caller, callee };
  }
  const late: Late[] = [];
  const presenceTried = eachPair(KINDS, (from, to) => tryPresence(cast[from].caller, cast[to].callee, from));
  const call = await eachPair(KINDS, (from, to) => tryCall(cast, from, to, late));
  const presence = await presenceTried;
  // Connections and rooms know nothing of each other.
  const dataTried = eachPair(KINDS, (from, to) => tryData(cast, from, to));
  const members = ["native", "skyway"] as const;
  const mesh = await eachPair(members, (from, to) => tryRoom(cast, "mesh", from, to));
  const sfu = await eachPair(members, (from, to) => tryRoom(cast, "sfu", from, to));
  const data = await dataTried;
  for (const { from, to, closed } of late) {
    await closed.catch((error: unknown) => {
      call[from] = { ...call[from], [to]: `fails: ${firstLine(error)}` };
    });
  }
  return { call, data, presence, mesh, sfu };
}

/** One pair after the other, so that what fails is the pair's. */
async function eachPair(
  kinds: readonly MatrixKind[],
  attempt: (from: MatrixKind, to: MatrixKind) => Promise<string>,
): Promise<Cells> {
  const cells: Cells = {};
  for (const from of kinds) {
    const row: Record<string, string> = {};
    for (const to of kinds) row[to] = await attempt(from, to).catch((error: unknown) => `fails: ${firstLine(error)}`);
    cells[from] = row;
  }
  return cells;
}

const firstLine = (error: unknown) =>
  (error instanceof Error ? error.message : String(error)).split("\n")[0]?.slice(0, 300) ?? "";

async function tryPresence(from: Someone, to: Someone, kind: MatrixKind): Promise<string> {
  const listed = await from.page.evaluate((name: string) => folk.list(name), from.name);
  if (!listed.includes(to.id) || listed.includes("nobody")) return `fails: listed are ${listed.join(", ")}`;
  if (kind === "peerjs") return "listed";
  const exists = await from.page.evaluate(
    async (name: string, id: string) => {
      const { peer } = folk.person(name);
      // skyway-js asks once a second at most.
      await new Promise((resolve) => setTimeout(resolve, 1_050));
      const there = await peer.fetchPeerExists(id);
      await new Promise((resolve) => setTimeout(resolve, 1_050));
      return [there, await peer.fetchPeerExists("nobody")];
    },
    from.name,
    to.id,
  );
  return exists.join() === "true,false" ? "listed, found" : `fails: ${exists.join()}`;
}

/** An end of a call that takes its time. */
type Late = { readonly from: MatrixKind; readonly to: MatrixKind; readonly closed: Promise<void> };

async function tryCall(cast: Cast, from: MatrixKind, to: MatrixKind, late: Late[]): Promise<string> {
  const { caller } = cast[from];
  const { callee } = cast[to];
  let outcome = "works";
  for (const [ends, kind] of [
    [caller, from],
    [callee, to],
  ] as const) {
    await caller.call(callee.id, FACE_OF[from], { metadata: { from } });
    await callee.page.waitFor(
      (name: string, id: string) => folk.link(name).from === id,
      { what: "the call" },
      callee.name,
      caller.id,
    );
    await Promise.all([caller.sees([FACE_OF[to]]), callee.sees([FACE_OF[from]])]);
    const metadata = await callee.page.evaluate((name: string) => folk.link(name).raw.metadata, callee.name);
    if (JSON.stringify(metadata) !== JSON.stringify({ from })) return `fails: the metadata came as ${JSON.stringify(metadata)}`;
    await hangUp(ends);
    const other = ends === caller ? callee : caller;
    const otherKind = ends === caller ? to : from;
    if (kind === "peerjs" && otherKind === "skyway") {
      // peerjs hangs up by closing a data channel of its own, which skyway-js does not look at. Looked at when the rest is done.
      outcome = "works; skyway-js notices the other's hang-up late, by ICE";
      const closed = closes(other);
      closed.catch(() => {});
      late.push({ from, to, closed });
    } else {
      await other.linkTold("close", 8_000);
    }
  }
  return outcome;
}

/** Waits for the end of the connection that is the newest now. */
async function closes({ page, name }: Someone): Promise<void> {
  const index = await page.evaluate((who: string) => folk.person(who).links.length - 1, name);
  await page.waitFor(
    (who: string, at: number) => folk.link(who, at).journal.includes("close"),
    { timeoutMs: 60_000, what: `the late end of a call of ${name}` },
    name,
    index,
  );
}

/** As an app does that wants the other to know. */
function hangUp(someone: Someone): Promise<void> {
  return someone.page.evaluate((name: string) => {
    const { raw } = folk.link(name);
    if (libraryKind.startsWith("skyway")) raw.close(true);
    else raw.close();
  }, someone.name);
}

/** What is sent each way, as expressions in a page. */
function samples(serialization: string): readonly string[] {
  if (serialization === "raw" || serialization === "none") return ['"téxt"', "helpers.pattern(9_000).buffer"];
  const structured = '{ a: [1, -7, 2.5, "ü", null, true], b: { c: "d" } }';
  if (serialization === "json") return ['"téxt"', structured];
  return ['"téxt"', structured, "helpers.pattern(100_000).buffer"];
}

async function tryData(cast: Cast, from: MatrixKind, to: MatrixKind): Promise<string> {
  const outcomes = new Map<string, string[]>();
  for (const serialization of SERIALIZATIONS[from]) {
    const outcome = await tryConnection(cast[from].caller, cast[to].callee, serialization);
    outcomes.set(outcome, [...(outcomes.get(outcome) ?? []), serialization]);
  }
  return [...outcomes]
    .map(([outcome, words]) => (outcome === "works" ? words.join(", ") : `${words.join(", ")} ${outcome}`))
    .join("; ");
}

async function tryConnection(caller: Someone, callee: Someone, serialization: string): Promise<string> {
  const started = await caller.page.evaluate(
    async (name: string, to: string, as: string) => {
      const { errors, links } = folk.person(name);
      errors.splice(0);
      const before = links.length;
      const opening = folk.connect(name, to, { serialization: as, reliable: true });
      // Whoever is refused is told at the peer, and the connection stays unopened.
      opening.catch(() => {});
      for (let tries = 0; tries < 300; tries++) {
        if (links.length > before && links.at(-1)?.journal.includes("open")) return "open";
        if (errors.length > 0) return "refused";
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return "never";
    },
    caller.name,
    callee.id,
    serialization,
  );
  const told = () => caller.page.evaluate((name: string) => folk.person(name).errors.join(" / "), caller.name);
  if (started !== "open") return `refused: ${(await told()) || "without a word"}`;
  await callee.linkTold("open");
  const texts = samples(serialization);
  const [there, back] = [await sendAll(caller, callee, texts), await sendAll(callee, caller, texts)];
  await caller.page.evaluate((name: string) => folk.link(name).raw.close(), caller.name);
  if (there !== "" || back !== "") return `fails: ${[there, back].filter((each) => each !== "").join(" and back ")}`;
  return "works";
}

/** @returns what came otherwise than it was sent; empty when all is well */
async function sendAll(from: Someone, to: Someone, texts: readonly string[]): Promise<string> {
  const sent = await from.page.expression<unknown[]>(
    `(async () => {
      const values = [${texts.join(", ")}];
      for (const value of values) await folk.link(${JSON.stringify(from.name)}).raw.send(value);
      return Promise.all(values.map(folk.describe));
    })()`,
  );
  const came = await to.received(texts.length, 8_000);
  const kept = ({ value, size, digest }: { value?: unknown; size?: number; digest?: string }) =>
    JSON.stringify([value, size, digest]);
  const wanted = sent.map((each) => kept(each as object));
  const wrong = came.map((each) => kept(each)).filter((each, at) => each !== wanted[at]);
  return wrong.length === 0 ? "" : `${wrong.join().slice(0, 100)} came`;
}

async function tryRoom(cast: Cast, mode: "mesh" | "sfu", from: MatrixKind, to: MatrixKind): Promise<string> {
  const { caller: first } = cast[from];
  const { callee: second } = cast[to];
  const room = `${mode} of ${from} and ${to}`;
  const otherFace: FaceName = "yellow";
  await first.join(room, mode, FACE_OF[from]);
  await second.join(room, mode, otherFace);
  await first.hallTold(`peerJoin ${second.id}`);
  await Promise.all([first.roomSees([otherFace]), second.roomSees([FACE_OF[from]])]);
  const say = (someone: Someone, text: string) =>
    someone.page.evaluate((name: string, value: string) => void folk.hall(name).raw.send({ value }), someone.name, text);
  await say(first, "there");
  await say(second, "back");
  const [atSecond] = await second.heard(1);
  const [atFirst] = await first.heard(1);
  const heard = [atSecond?.src, atSecond?.data.value, atFirst?.src, atFirst?.data.value];
  const wanted = [first.id, { value: "there" }, second.id, { value: "back" }];
  if (JSON.stringify(heard) !== JSON.stringify(wanted)) return `fails: heard ${JSON.stringify(heard)}`;
  await second.leave();
  await first.hallTold(`peerLeave ${second.id}`);
  await first.leave();
  return "works";
}

/** As it stands in docs/compatibility.md. */
export function printMatrix(matrix: Matrix): string {
  return (Object.keys(TITLES) as (keyof Matrix)[])
    .map((what) => {
      const rows = Object.entries(matrix[what]);
      const columns = Object.keys(rows[0]?.[1] ?? {});
      const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "/")).join(" | ")} |`;
      const name = (kind: string) => NAMES[kind as MatrixKind];
      return [
        `### ${TITLES[what]}`,
        "",
        line(["", ...columns.map(name)]),
        line(["---", ...columns.map(() => "---")]),
        ...rows.map(([from, row]) => line([name(from), ...columns.map((to) => row[to] ?? "")])),
      ].join("\n");
    })
    .join("\n\n");
}
