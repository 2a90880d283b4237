/** What `doctor --peerjs` says of each thing that can be wrong, with answers made up. */
import { describe, expect, it } from "vitest";
import type { Answer } from "./ask.ts";
import { examinePeerjs } from "./peerjs-examine.ts";
import type { Frame, PeerjsVisit } from "./peerjs-visit.ts";

const ORIGIN = "https://some-page.example";

function answer(
  status: number,
  body: string,
  headers: Record<string, string> = { "access-control-allow-origin": ORIGIN },
): Answer {
  return { type: "response", status, headers, body, ms: 3 };
}
function frame(value: { type: string; [name: string]: unknown }): Frame {
  return { type: "frame", name: value.type, value, ms: 4 };
}

type Session = NonNullable<PeerjsVisit["session"]>;
const SESSION: Session = {
  id: "a-b-c-d-e",
  sender: "other",
  open: frame({ type: "OPEN" }),
  taken: frame({ type: "ID-TAKEN" }),
  relayed: frame({ type: "OFFER", src: "other", dst: "a-b-c-d-e", payload: {} }),
  peers: answer(401, "Unauthorized"),
};

async function look(change: { about?: Answer; id?: Answer; path?: string } & Partial<Omit<Session, "id">> = {}) {
  const { about = answer(200, '{"name":"Tsunagi"}'), id = answer(200, SESSION.id), path = "/peerjs", ...session } = change;
  const { checks, isWell } = await examinePeerjs(
    { url: new URL(`http://localhost:8080${path}`), key: "peerjs", origin: ORIGIN },
    {
      get: async () => ({ type: "response", status: 200, dateMs: undefined, body: "", ms: 2 }),
      certificate: async () => ({ type: "refused" }),
      visit: async () => ({ about, id, session: id.status === 200 ? { ...SESSION, ...session } : undefined }),
    },
  );
  return { checks, isWell, of: (wanted: string) => checks.find((check) => check.id === wanted) };
}

describe("doctor --peerjs", () => {
  it("finds a good server well, also one that lists its peers, or that is asked at the root", async () => {
    for (const change of [{}, { peers: answer(200, '["a-b-c-d-e"]') }, { about: answer(200, "<html>"), path: "/" }]) {
      const { checks, isWell } = await look(change);
      expect(checks.filter(({ status }) => status === "fail" || status === "warn")).toEqual([]);
      expect(isWell).toBe(true);
    }
  });

  it.each<readonly [string, Parameters<typeof look>[0], string, "fail" | "warn", string]>([
    ["another path", { about: answer(404, "") }, "about", "warn", "doctor.peerjs.http"],
    ["no ID", { id: answer(404, "") }, "id", "fail", "doctor.peerjs.http"],
    ["a page in place of the ID", { id: answer(200, "<html></html>") }, "id", "fail", "doctor.peerjs.http"],
    ["an ID for other pages", { id: answer(200, SESSION.id, {}) }, "id", "fail", "doctor.peerjs.cors"],
    [
      "a wrong key",
      { open: frame({ type: "ERROR", payload: { msg: "Invalid key provided" } }) },
      "open",
      "fail",
      "doctor.peerjs.session",
    ],
    [
      "no upgrade",
      { open: { type: "none", detail: "Unexpected server response: 400" } },
      "open",
      "fail",
      "doctor.peerjs.session",
    ],
    ["an ID that two may have", { taken: frame({ type: "OPEN" }) }, "taken", "fail", "doctor.peerjs.session"],
    ["a lost message", { relayed: { type: "none", detail: "no answer" } }, "relay", "fail", "doctor.peerjs.relay"],
    [
      "a forged sender",
      { relayed: frame({ type: "OFFER", src: "forged", dst: SESSION.id }) },
      "relay",
      "fail",
      "doctor.peerjs.relay",
    ],
    ["a strange list", { peers: answer(500, "") }, "listing", "warn", "doctor.peerjs.http"],
  ])("names %s", async (_name, change, id, status, code) => {
    const { isWell, of } = await look(change);
    expect(of(id)).toMatchObject({ status, code, remedy: expect.any(String) });
    expect(isWell).toBe(status === "warn");
  });
});
