import { createHmac } from "node:crypto";
import { DEFAULT_SWITCHES } from "@tsunagi/conference";
import { describe, expect, it } from "vitest";
import { type IceServerOptions, iceFieldsFor, type OwnTurn } from "./ice-servers.ts";

const NOW = 1_700_000_000_500;
const SECRET = "north";

function fieldsFor(
  options: IceServerOptions,
  host: string | undefined = "example.com:8080",
  relay: "all" | "none" | "only" = "all",
) {
  return iceFieldsFor({ app: { id: "app_1", switches: { ...DEFAULT_SWITCHES, relay } }, peerId: "alice", host }, options, NOW);
}

const own = (more: Partial<OwnTurn> = {}): IceServerOptions => ({
  own: () => ({ udpPort: 3478, tcpPort: 3479, tlsPort: 5349, secret: SECRET, ...more }),
  credentialLifetimeS: () => 600,
});
/** What coturn computes, too. */
function turnCredential(secret: string, name: string, expiry: number): { username: string; credential: string } {
  const username = `${expiry}:${name}`;
  return { username, credential: createHmac("sha1", secret).update(username).digest("base64") };
}

const credential = turnCredential(SECRET, "app_1.alice", 1_700_000_600);
const limited = { ...credential, expiresAt: 1_700_000_600_000 };
const turnUrls = (name: string) => [
  `turn:${name}:3478?transport=udp`,
  `turn:${name}:3479?transport=tcp`,
  `turns:${name}:5349?transport=tcp`,
];

describe("iceFieldsFor", () => {
  it.each([
    ["example.com", "example.com"],
    ["example.com:8080", "example.com"],
    ["192.0.2.1:8080", "192.0.2.1"],
    ["[2001:db8::1]:8080", "[2001:db8::1]"],
  ])("tells of the own server where the client came: %s", (host, name) => {
    expect(fieldsFor(own(), host)).toEqual({
      iceServers: [{ urls: [`stun:${name}:3478`] }, { urls: turnUrls(name), ...limited }],
    });
  });

  it.each(["", "a b", "evil/path", "user@host", "a:b:c", "x".repeat(300), "[::1", "host\r\nx: y"])(
    "makes nothing of %j",
    (host) => {
      expect(fieldsFor(own(), host)).toEqual({ iceServers: [] });
    },
  );

  it("tells another host name where one is configured, and only of the transports that are there", () => {
    expect(fieldsFor(own({ host: "turn.example.com", tcpPort: undefined, tlsPort: undefined }))).toEqual({
      iceServers: [{ urls: ["stun:turn.example.com:3478"] }, { urls: ["turn:turn.example.com:3478?transport=udp"], ...limited }],
    });
  });

  it("hands out what is configured and nothing else, and nothing without any server", () => {
    const configured = [{ urls: ["turn:t.example"], username: "u", credential: "c" }];
    expect(fieldsFor({ ...own(), configured }).iceServers).toBe(configured);
    expect(fieldsFor({ ...own(), configured: [] })).toEqual({ iceServers: [] });
    expect(fieldsFor({})).toEqual({ iceServers: [] });
    expect(iceFieldsFor({ app: { id: "a", switches: DEFAULT_SWITCHES }, peerId: "p", host: undefined }, own(), NOW)).toEqual({
      iceServers: [],
    });
  });

  it("signs for another's TURN server, or hands out its account, beside or instead of the own one", () => {
    const external: IceServerOptions["external"] = () => [
      { urls: ["turn:coturn.example:3478"], secret: "theirs" },
      { urls: ["turn:fixed.example:3478"], username: "u", credential: "c" },
    ];
    const theirs = turnCredential("theirs", "app_1.alice", 1_700_003_600);
    const both = [
      { urls: ["turn:coturn.example:3478"], ...theirs, expiresAt: 1_700_003_600_000 },
      { urls: ["turn:fixed.example:3478"], username: "u", credential: "c" },
    ];
    expect(fieldsFor({ external })).toEqual({ iceServers: both });
    expect(fieldsFor({ own: own().own, external }).iceServers).toHaveLength(4);
  });

  it("leaves out TURN where the app uses no relay, and all but TURN where it uses nothing else", () => {
    const options = { ...own(), external: () => [{ urls: ["stun:s.example", "turn:t.example"], secret: "s" }] };
    const none = fieldsFor(options, undefined, "none");
    expect(none.iceServers.flatMap(({ urls }) => urls)).toEqual(["stun:example.com:3478", "stun:s.example"]);
    expect(none).not.toHaveProperty("iceTransportPolicy");
    const only = fieldsFor(options, undefined, "only");
    expect(only.iceServers.flatMap(({ urls }) => urls)).toEqual([...turnUrls("example.com"), "turn:t.example"]);
    expect(only.iceTransportPolicy).toBe("relay");
    const configured = [{ urls: ["stun:a.example", "turn:a.example"], username: "u", credential: "c" }];
    expect(fieldsFor({ configured }, undefined, "only").iceServers).toEqual([{ ...configured[0], urls: ["turn:a.example"] }]);
  });
});
