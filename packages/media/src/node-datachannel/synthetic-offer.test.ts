import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RemoteParameters } from "../port.ts";
import { ownParameters, syntheticAnswer, syntheticOffer } from "./synthetic-offer.ts";

const remote: RemoteParameters = {
  iceUfrag: "abcd",
  icePwd: "abcdefghijklmnopqrstuv",
  fingerprint: { algorithm: "sha-256", value: Array.from({ length: 32 }, () => "aB").join(":") },
  setup: "actpass",
  sctp: { port: 5_000, maxMessageSize: 262_144 },
};

describe("the offer given to the library", () => {
  it("has one media section, and one for data where the client has one", () => {
    const withData = syntheticOffer(remote);
    expect(withData.match(/^m=/gm)).toHaveLength(2);
    expect(withData).toContain("a=group:BUNDLE 0 1\r\n");
    expect(withData).toContain("a=setup:actpass\r\n");
    expect(syntheticOffer({ ...remote, sctp: undefined }).match(/^m=/gm)).toHaveLength(1);
  });

  it("has a role that is chosen, and no data, where it is an answer", () => {
    expect(syntheticAnswer({ ...remote, setup: "active" }).match(/^(?:m=|a=setup).*$/gm)).toEqual([
      "m=video 9 UDP/TLS/RTP/SAVPF 96",
      "a=setup:active",
    ]);
    expect(() => syntheticAnswer(remote)).toThrow(expect.objectContaining({ code: "media.transport.parameters" }));
  });

  it("lets nothing through that is not what it should be", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (iceUfrag, icePwd, value) => {
        for (const bad of [{ iceUfrag }, { icePwd }, { fingerprint: { algorithm: value, value } }]) {
          try {
            expect(syntheticOffer({ ...remote, ...bad }).split("\r\n").length).toBe(syntheticOffer(remote).split("\r\n").length);
          } catch (error) {
            expect(error).toMatchObject({ code: "media.transport.parameters" });
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("what the library says of us", () => {
  it("is read from its description", () => {
    const sdp = "v=0\r\na=fingerprint:sha-256 AA:BB\r\nm=video\r\na=setup:active\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n";
    expect(ownParameters(sdp)).toEqual({ ufrag: "u", password: "p", fingerprint: "sha-256 AA:BB", active: true });
    expect(() => ownParameters("v=0")).toThrow(expect.objectContaining({ code: "media.transport.failed" }));
  });
});
