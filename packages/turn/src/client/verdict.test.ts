import { describe, expect, it } from "vitest";
import { type CheckFacts, judgeConnection, type PathResult } from "./verdict.ts";

function facts(
  udp: PathResult,
  tcp: PathResult,
  tls: PathResult,
  more: Partial<CheckFacts> & { stun?: PathResult } = {},
): CheckFacts {
  const { stun = "ok", ...rest } = more;
  return { paths: { host: "ok", stun, "turn-udp": udp, "turn-tcp": tcp, "turn-tls": tls }, on443: true, ...rest };
}
const codes = (given: CheckFacts) => judgeConnection(given).findings.map(({ code, severity }) => `${severity} ${code}`);

describe("judgeConnection", () => {
  it.each([
    ["everything works", facts("ok", "ok", "ok"), "open", "home strict no-udp web-only", []],
    [
      "a NAT with a port for each destination",
      facts("ok", "ok", "ok", { mapping: "address-and-port-dependent" }),
      "relay-needed",
      "home strict no-udp web-only",
      [],
    ],
    [
      "UDP is blocked, TCP is not",
      facts("timeout", "ok", "ok", { stun: "timeout" }),
      "udp-blocked",
      "home strict no-udp web-only",
      ["warn stun.failed", "warn relay.udp.failed"],
    ],
    ["no TURN over TLS", facts("ok", "ok", "absent", { on443: false }), "open", "home strict no-udp", ["warn relay.tls.absent"]],
    [
      "streams on other ports than 443",
      facts("ok", "ok", "ok", { on443: false }),
      "open",
      "home strict no-udp",
      ["warn relay.443.absent"],
    ],
    ["UDP relay alone", facts("ok", "absent", "absent", { on443: false }), "open", "home strict", ["warn relay.tcp.absent"]],
    [
      "a certificate nobody trusts",
      facts("ok", "ok", "certificate"),
      "open",
      "home strict no-udp web-only",
      ["warn relay.certificate"],
    ],
    [
      "a certificate nobody trusts, perhaps on 443",
      facts("ok", "ok", "certificate", { on443: false }),
      "open",
      "home strict no-udp",
      ["warn relay.certificate"],
    ],
    ["no relay offered", facts("absent", "absent", "absent", { on443: false }), "no-relay", "home", ["fail relay.absent"]],
    [
      "wrong credentials",
      facts("credentials", "credentials", "absent", { on443: false }),
      "no-relay",
      "home",
      ["fail relay.credentials", "warn relay.tls.absent"],
    ],
    [
      "a relay that tells its address inside",
      facts("ok", "ok", "ok", { isRelayHidden: true }),
      "open",
      "home strict no-udp web-only",
      ["warn relay.private"],
    ],
    ["relay ports closed", facts("no-echo", "no-echo", "no-echo"), "no-relay", "home", ["fail relay.no-echo"]],
    [
      "nothing gets through",
      facts("timeout", "refused", "timeout", { stun: "timeout" }),
      "blocked",
      "",
      ["fail stun.failed", "fail relay.udp.failed", "fail relay.tcp.failed", "fail relay.tls.failed"],
    ],
  ])("%s", (_, given, network, works, findings) => {
    const verdict = judgeConnection(given);
    expect(verdict.network).toBe(network);
    const kinds = Object.entries(verdict.works).filter(([, isWorking]) => isWorking);
    expect(kinds.map(([kind]) => kind).join(" ")).toBe(works);
    expect(codes(given)).toEqual(findings);
  });

  it("fails for nobody when a relay works, and for somebody when none does", () => {
    const results: PathResult[] = ["ok", "absent", "timeout", "credentials", "refused", "certificate", "no-echo"];
    for (const udp of results)
      for (const tcp of results)
        for (const tls of results) {
          const verdict = judgeConnection(facts(udp, tcp, tls));
          const hasFailure = verdict.findings.some(({ severity }) => severity === "fail");
          const hasRelay = [udp, tcp, tls].includes("ok");
          expect({ udp, tcp, tls, hasFailure }).toMatchObject({ hasFailure: !hasRelay });
          expect(verdict.works.strict).toBe(hasRelay);
        }
  });
});
