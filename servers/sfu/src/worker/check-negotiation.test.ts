import type { SfuCommand } from "@tsunagi/conference";
import { expect, it } from "vitest";
import { DEFAULT_SFU_LIMITS } from "../options.ts";
import { checkNegotiation } from "./check-negotiation.ts";

type Negotiate = Extract<SfuCommand, { type: "negotiate" }>;

it("lets through what a member may, and names what it may not", () => {
  const send = (publication: string) =>
    ({ mid: publication, publication, kind: "video", source: "camera", stream: "s", muted: false }) as const;
  const receive = (mid: string) => ({ mid, kind: "video", publication: null }) as const;
  const outcome = (change: Partial<Negotiate>) => {
    const command: Negotiate = {
      type: "negotiate",
      appId: "app",
      room: "r",
      peerId: "a",
      epoch: 1,
      sdp: "",
      send: [send("mine")],
      receive: [receive("1"), receive("2")],
      limits: { publicationBps: 1, publicationsPerMember: 1, memberBps: 1 },
      directions: { publish: true, subscribe: true, data: true },
      ...change,
    };
    const owners: Readonly<Record<string, string>> = { mine: "a", theirs: "b" };
    try {
      checkNegotiation(command, { ...DEFAULT_SFU_LIMITS, slotsPerMember: 2 }, (id) => owners[id]);
      return "ok";
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  expect(outcome({})).toBe("ok");
  expect(outcome({ send: [send("new")] })).toBe("ok");
  expect(outcome({ send: [send("theirs")] })).toBe("sfu.publication.duplicate");
  expect(outcome({ send: [send("x"), send("y")] })).toBe("sfu.publication.limit");
  expect(outcome({ receive: ["1", "2", "3"].map(receive) })).toBe("sfu.slot.limit");
  expect(outcome({ directions: { publish: false, subscribe: true, data: true } })).toBe("sfu.direction.denied");
  expect(outcome({ send: [], directions: { publish: false, subscribe: true, data: true } })).toBe("ok");
});
