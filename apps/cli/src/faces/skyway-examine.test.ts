/** What `doctor --skyway` says of each thing that can be wrong, with answers made up. */
import { describe, expect, it } from "vitest";
import type { NoAnswer, TlsResult } from "../doctor/probes.ts";
import type { Answer } from "./ask.ts";
import { examineSkyway, type SkywayPatient, type SkywayProbes } from "./skyway-examine.ts";
import type { FirstWord, RoomResult, Visit } from "./skyway-visit.ts";

const ORIGIN = "https://some-page.example";
const KEY = "2be88034-8e65-4e86-bf79-a2a915b8bd93";
const CORS = {
  "access-control-allow-origin": ORIGIN,
  "access-control-allow-credentials": "true",
  "access-control-allow-headers": "Content-Type",
};

function answer(status: number, body = "", headers: Record<string, string> = CORS): Answer {
  return { type: "response", status, headers, body, ms: 3 };
}

const TRUSTED: TlsResult = {
  type: "certificate",
  isTrusted: true,
  isLocalCa: false,
  problem: undefined,
  names: ["calls.example.com"],
  validFromMs: 0,
  validToMs: 9e15,
};
const UNTRUSTED: TlsResult = { ...TRUSTED, isTrusted: false, problem: "self-signed" };
const REFUSED: NoAnswer = { type: "refused" };

const SDP = [
  "v=0",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=recvonly",
  "a=candidate:1 1 udp 2130706431 198.51.100.7 44300 typ host",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "a=recvonly",
  "",
].join("\r\n");
const OFFER: RoomResult = { type: "offer", sdp: SDP, hasMsids: true, hasMembers: true, ms: 5 };
const OPEN: FirstWord = { type: "open", peerId: "p1", hasTurn: false };

type More = NonNullable<Extract<Visit, { type: "visited" }>["more"]>;

function visited({
  first = OPEN,
  handshake = answer(200),
  ...change
}: Partial<More> & { first?: FirstWord; handshake?: Answer } = {}): Visit {
  const more: More = {
    preflight: answer(204),
    post: answer(200, "ok"),
    upgrade: { type: "upgraded", ms: 4 },
    clients: answer(200, '["p1"]'),
    exists: answer(200, '{"exists":true}'),
    room: OFFER,
    ...change,
  };
  return { type: "visited", handshake, first, more: first.type === "open" ? more : undefined };
}

const REFUSES: Visit = {
  type: "visited",
  handshake: answer(200),
  first: { type: "error", why: "invalid-key", message: "no such key" },
  more: undefined,
};

async function look(change: Partial<SkywayProbes> & { visits?: Visit; patient?: Partial<SkywayPatient> } = {}) {
  const { visits = visited(), patient, ...probes } = change;
  const { checks, isWell } = await examineSkyway(
    {
      url: new URL("https://calls.example.com"),
      key: undefined,
      origin: ORIGIN,
      peerId: undefined,
      credential: undefined,
      ...patient,
    },
    {
      get: async () => ({ type: "response", status: 200, dateMs: undefined, body: "", ms: 2 }),
      certificate: async () => TRUSTED,
      resolve: async (host) => (host.startsWith("turn.") ? undefined : "198.51.100.7"),
      turn: async () => ({ type: "turn" }),
      stun: async () => ({ type: "mapped", address: "198.51.100.9", port: 5, rttMs: 1 }),
      key: async () => ({ type: "key", key: KEY }),
      dispatcher: async () => answer(200, '{"domain":"calls.example.com"}'),
      visit: async (_url, { isShort }) => (isShort === true ? REFUSES : visits),
      ...probes,
    },
  );
  const of = (id: string) => checks.find((check) => check.id === id);
  return { checks, isWell, of };
}

describe("doctor --skyway", () => {
  it("finds a good server well", async () => {
    const { checks, isWell } = await look();
    expect(checks.map(({ id, status }) => `${id} ${status}`)).toEqual(
      "port certificate dispatcher polling cors open wrong-key upgrade listing sfu-room turn-name stun-name"
        .split(" ")
        .map((id) => `${id} ok`),
    );
    expect(isWell).toBe(true);
  });

  it("tells plain http and other ports apart from what only apps without a host need", async () => {
    const { isWell, of } = await look({ patient: { url: new URL("http://192.0.2.1:8080") }, certificate: async () => REFUSED });
    expect(isWell).toBe(true);
    expect(of("certificate")).toMatchObject({ status: "skip" });
    expect(of("dispatcher")).toMatchObject({ status: "warn", code: "doctor.skyway.dispatcher" });
  });

  it.each<[string, Parameters<typeof look>[0], string, "fail" | "warn", string]>([
    ["an untrusted certificate", { certificate: async () => UNTRUSTED }, "certificate", "fail", "doctor.certificate.untrusted"],
    ["no dispatcher", { dispatcher: async () => answer(404) }, "dispatcher", "fail", "doctor.skyway.dispatcher"],
    [
      "a dispatcher without CORS",
      { dispatcher: async () => answer(200, '{"domain":"a"}', {}) },
      "dispatcher",
      "fail",
      "doctor.skyway.dispatcher",
    ],
    ["a socket.io of today", { visits: { type: "other", answer: answer(400) } }, "polling", "fail", "doctor.skyway.handshake"],
    ["no socket.io", { visits: REFUSED }, "polling", "fail", "doctor.skyway.handshake"],
    [
      "a star",
      { visits: visited({ handshake: answer(200, "", { "access-control-allow-origin": "*" }) }) },
      "cors",
      "fail",
      "doctor.skyway.cors",
    ],
    ["no preflight", { visits: visited({ preflight: answer(404) }) }, "cors", "fail", "doctor.skyway.cors"],
    ["a POST that fails", { visits: visited({ post: answer(413) }) }, "cors", "fail", "doctor.skyway.cors"],
    ["another key", { visits: REFUSES }, "open", "fail", "doctor.skyway.refused"],
    ["no word", { visits: visited({ first: { type: "silent" } }) }, "open", "fail", "doctor.skyway.refused"],
    [
      "no upgrade",
      { visits: visited({ upgrade: { type: "failed", detail: "no answer" } }) },
      "upgrade",
      "warn",
      "doctor.socket.refused",
    ],
    ["no listing", { visits: visited({ exists: answer(404) }) }, "listing", "fail", "doctor.skyway.listing"],
    ["a list without us", { visits: visited({ clients: answer(200, "[]") }) }, "listing", "fail", "doctor.skyway.listing"],
    [
      "no SFU",
      { visits: visited({ room: { type: "error", why: "room-error", message: "off" } }) },
      "sfu-room",
      "warn",
      "doctor.skyway.sfu",
    ],
    ["no offer", { visits: visited({ room: { type: "silent", at: "SFU_OFFER" } }) }, "sfu-room", "fail", "doctor.skyway.sfu"],
    ["no members", { visits: visited({ room: { ...OFFER, hasMembers: false } }) }, "sfu-room", "fail", "doctor.skyway.sfu"],
    [
      "a sending offer",
      { visits: visited({ room: { ...OFFER, sdp: SDP.replaceAll("recvonly", "sendonly") } }) },
      "sfu-room",
      "fail",
      "doctor.skyway.sfu",
    ],
    [
      "no candidates",
      { visits: visited({ room: { ...OFFER, sdp: SDP.replace(/a=cand.*\r\n/, "") } }) },
      "sfu-room",
      "fail",
      "doctor.skyway.sfu",
    ],
    [
      "inner addresses",
      { visits: visited({ room: { ...OFFER, sdp: SDP.replace("198.51.100.7", "10.0.0.4") } }) },
      "sfu-room",
      "fail",
      "doctor.skyway.sfu",
    ],
    ["TURN for no name", { visits: visited({ first: { ...OPEN, hasTurn: true } }) }, "turn-name", "fail", "doctor.skyway.turn"],
    [
      "no STUN",
      { resolve: async (host) => (host === "calls.example.com" ? "198.51.100.7" : undefined) },
      "stun-name",
      "warn",
      "doctor.skyway.stun",
    ],
    ["silent STUN", { stun: async () => ({ type: "silent" }) }, "stun-name", "warn", "doctor.skyway.stun"],
    ["a name without TURN", { resolve: async () => "198.51.100.7" }, "turn-name", "warn", "doctor.skyway.turn"],
  ])("names %s", async (_name, change, id, status, code) => {
    const { isWell, of } = await look(change);
    expect(of(id)).toMatchObject({ status, code, remedy: expect.any(String) });
    expect(isWell).toBe(status === "warn");
  });

  it("takes inner addresses for good inside, TURN at the library's name, and listing switched off", async () => {
    const inner = visited({
      room: { ...OFFER, sdp: SDP.replace("198.51.100.7", "10.0.0.4") },
      clients: answer(401),
      first: { ...OPEN, hasTurn: true },
    });
    const { checks, of } = await look({ visits: inner, resolve: async () => "10.0.0.4" });
    expect(checks.filter(({ status }) => status !== "ok")).toEqual([]);
    expect(of("listing")?.detail).toContain("off");
  });

  it("names the page when the key is for others, and the way to a credential", async () => {
    const refusedWith = async (why: string) =>
      (await look({ visits: visited({ first: { type: "error", why, message: "m" } }) })).of("open")?.remedy;
    expect(await refusedWith("invalid-domain")).toContain(ORIGIN);
    expect(await refusedWith("authentication")).toContain("tsunagi token");
  });

  it("stops where nothing more can be told", async () => {
    expect((await look({ get: async () => REFUSED })).checks.map(({ id }) => id)).toEqual(["port"]);
    const keyless = await look({ key: async () => ({ type: "none", detail: "no" }) });
    expect(keyless.of("open")).toMatchObject({ status: "fail", code: "doctor.session.key" });
  });
});
