/** Rooms full of members, several in a page, and what each of them must see and hear of which others: decoded frames and audible samples. */
import type { BrowserPage, ServerProcess } from "@tsunagi/testkit/drivers";
import { type FaceOptions, installCrowd, type JoinWishes, type Seen } from "./crowd-page.ts";

export type { FaceOptions, JoinWishes, Seen } from "./crowd-page.ts";

export type Person = { readonly page: BrowserPage; readonly name: string; readonly number: number };

/** Energy a second of a tone far below that of `face`, and above comfort noise. */
const AUDIBLE = 1e-4;

/** Makes peers in a page. */
export async function openCrowd(
  page: BrowserPage,
  server: Pick<ServerProcess, "url" | "key">,
  names: readonly string[],
  firstNumber = 1,
): Promise<Person[]> {
  await page.evaluate(installCrowd);
  for (const name of names) {
    await page.evaluate((id: string, url: string, key: string) => crowd.open(id, url, key), name, server.url, server.key);
  }
  return names.map((name, index) => ({ page, name, number: firstNumber + index }));
}

/** `null`: listens only. */
export function join(
  person: Person,
  room: string,
  face: Partial<FaceOptions> | null = {},
  wishes: JoinWishes = {},
): Promise<void> {
  return person.page.evaluate(
    (name: string, roomName: string, options: FaceOptions | null, more: JoinWishes) => crowd.join(name, roomName, options, more),
    person.name,
    room,
    face === null ? null : { number: person.number, ...face },
    wishes,
  );
}

export const leave = ({ page, name }: Person): Promise<void> => page.evaluate((who: string) => crowd.leave(who), name);

export const look = ({ page, name }: Person, forMs = 500): Promise<Seen[]> =>
  page.evaluate((who: string, ms: number) => crowd.look(who, ms), name, forMs);

export const journal = ({ page, name }: Person): Promise<string[]> =>
  page.evaluate((who: string) => crowd.member(who).journal, name);

export const takeJournal = ({ page, name }: Person): Promise<string[]> =>
  page.evaluate((who: string) => crowd.member(who).journal.splice(0), name);

/** What must be there of one other: absent kinds must not be. A number that is not the person's own: of another face. */
export type Expected = { readonly of: Person; readonly video?: boolean | number; readonly audio?: boolean | number };

const bothOf = (of: Person): Expected => ({ of, video: true, audio: true });
export const everyoneBut = (people: readonly Person[], me: Person): Expected[] =>
  people.filter((person) => person !== me).map(bothOf);

/**
 * Waits until `person` decodes exactly what is expected: of each named other its own picture and its own tone, growing, and of no one else anything.
 *
 * @returns what was seen last
 */
export async function expectSees(person: Person, expected: readonly Expected[], withinMs = 15_000): Promise<readonly Seen[]> {
  const startedAt = performance.now();
  let wrong: string[];
  let seen: readonly Seen[] = [];
  do {
    // Before the room is open there is nothing to look at.
    seen = await look(person, seen.length === 0 ? 250 : 500).catch((error: unknown) => {
      if (performance.now() - startedAt > withinMs) throw error;
      return [];
    });
    wrong = faults(seen, expected);
    if (wrong.length === 0) return seen;
  } while (performance.now() - startedAt < withinMs);
  const told = await journal(person);
  throw new Error(
    `${person.name} within ${withinMs} ms: ${wrong.join("; ")}\n  seen ${JSON.stringify(seen.map(brief))}\n  told ${told.slice(-20).join(", ")}`,
  );
}

const brief = ({ peerId, source, frames, number, energy, width, height, mimeType }: Seen) => ({
  ...{ peerId, source, frames, number, energy, width, height, mimeType },
});

function faults(seen: readonly Seen[], expected: readonly Expected[]): string[] {
  const wrong: string[] = [];
  for (const { of, video, audio } of expected) {
    for (const [kind, wanted] of [["video", video] as const, ["audio", audio] as const]) {
      const number = typeof wanted === "number" ? wanted : of.number;
      const all = seen.filter((each) => each.peerId === of.name && each.kind === kind && flows(each));
      if (wanted === undefined || wanted === false) {
        if (all.length > 0) wrong.push(`${kind} of ${of.name} comes`);
      } else if (!all.some((each) => each.number === number)) {
        wrong.push(`no ${kind} ${number} of ${of.name}`);
      }
    }
  }
  for (const { peerId, kind } of seen.filter(flows)) {
    if (!expected.some(({ of }) => of.name === peerId)) wrong.push(`${kind} of ${peerId} comes`);
  }
  return wrong;
}

const flows = ({ kind, frames, energy, seconds }: Seen) =>
  kind === "video" ? frames >= 2 : energy > AUDIBLE * seconds && seconds > 0;

/** All at once: each looks for itself. */
export async function expectAllSeeAll(people: readonly Person[], withinMs = 20_000): Promise<void> {
  await Promise.all(people.map((person) => expectSees(person, everyoneBut(people, person), withinMs)));
}

export const gaps = ({ page, name }: Person, of: Person) =>
  page.evaluate((who: string, whom: string) => crowd.gaps(who, whom), name, of.name);
