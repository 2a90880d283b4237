/** SFU rooms for networks that let nothing through directly: by the own TURN server, whose relays may reach the SFU's ports and nothing else of this machine. */
import { networkInterfaces } from "node:os";
import { beforeAll, expect, it } from "vitest";
import { admin, firstApp, metric } from "../support/admin.ts";
import { expectAllSeeAll, join, leave, openCrowd } from "../support/crowd.ts";
import { openStage, type Stage } from "../support/stage.ts";

/** Relays are on the address by which clients came, and from loopback nothing gets to another address and back. */
const address = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
  await admin(stage.server, "PATCH", `/apps/${(await firstApp(stage.server)).id}`, { switches: { relay: "only" } });
});

it.skipIf(address === undefined)("an app whose switch is `only` has SFU rooms through the relay", async () => {
  const server = { url: `http://${address}:${stage.server.port}`, key: stage.server.key };
  const page = await stage.page("relayed");
  const people = await openCrowd(page, server, ["one", "two"]);
  await Promise.all(people.map((person) => join(person, "behind firewalls")));
  await expectAllSeeAll(people);
  expect(await metric(stage.server, "tsunagi_turn_relayed_packets_total")).toBeGreaterThan(50);
  for (const person of people) await leave(person);
});
