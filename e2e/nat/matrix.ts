/**
 * The matrix of pairings: a call between Chromium behind every kind of network and Chromium behind every other, with decoded frames on both
 * sides. Prints as it goes, and writes docs/nat-matrix.md when all pairings were run.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createHostBehind, endAll, type Host, type NetworkKind, netnsUnavailable } from "@tsunagi/testkit/drivers";
import { type CallResult, callBetween, wayOf } from "./call.ts";
import { startCoturn } from "./coturn.ts";
import { type Ground, openGround, type Place } from "./ground.ts";
import { expectedWay, KINDS, SPECIALS, type Way } from "./pairings.ts";
import { describeResult, type Outcome, renderDocument } from "./report.ts";

const DOCUMENT = fileURLToPath(new URL("../../docs/nat-matrix.md", import.meta.url));
const HELP = `node e2e/nat/matrix.mjs [options]      (needs root on Linux, iproute2, nftables, Chromium and a build)

  --kinds A,B   only pairings of these networks: ${KINDS.join(", ")}
  --no-specials   without hosts behind the same router and IPv6
  --out FILE    where to write the document; default docs/nat-matrix.md when everything was run
  --coturn      coturn instead of the own TURN server, to tell whose fault a fault is; TURN over TLS is left out
  --help        this text
`;

const { values } = parseArgs({
  options: {
    kinds: { type: "string" },
    "no-specials": { type: "boolean" },
    out: { type: "string" },
    coturn: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  },
});

if (values.help) process.stdout.write(HELP);
else process.exitCode = await main();

async function main(): Promise<number> {
  const why = netnsUnavailable();
  if (why !== undefined) {
    console.error(`The matrix cannot be made here: ${why}`);
    return 1;
  }
  const unknown = values.kinds?.split(",").filter((name) => !KINDS.includes(name as NetworkKind)) ?? [];
  if (unknown.length > 0) {
    console.error(`There is no network "${unknown.join('", "')}".\n\n${HELP}`);
    return 1;
  }
  const kinds = values.kinds === undefined ? KINDS : KINDS.filter((kind) => values.kinds?.split(",").includes(kind));
  const startedAt = performance.now();
  try {
    const ground = await openGround(values.coturn ? { relay: startCoturn } : {});
    const outcomes = await pairKinds(ground, kinds);
    const specials = values["no-specials"] ? [] : await pairSpecials(ground);
    const all = [...outcomes, ...specials];
    const wrong = all.filter(({ expected, result }) => result instanceof Error || wayOf(result) !== expected);
    console.log(
      `\n${all.length} pairings in ${Math.round((performance.now() - startedAt) / 1_000)} s, ${wrong.length} not as expected`,
    );
    const whole = values.kinds === undefined && !values["no-specials"] && !values.coturn;
    const out = values.out ?? (whole ? DOCUMENT : undefined);
    if (out !== undefined) writeFileSync(out, renderDocument(outcomes, specials));
    return wrong.length === 0 ? 0 : 1;
  } finally {
    await endAll();
  }
}

/** One Chromium for each kind, kept until its last pairing, and a second one for the pairing of a kind with itself. */
async function pairKinds(ground: Ground, kinds: readonly NetworkKind[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const places = new Map<NetworkKind, Place>();
  const placeAt = async (kind: NetworkKind): Promise<Place> => {
    const place = places.get(kind) ?? (await ground.place(await createHostBehind(ground.internet, kind), kind));
    places.set(kind, place);
    return place;
  };
  for (const [row, one] of kinds.entries()) {
    for (const other of kinds.slice(row)) {
      const caller = await placeAt(one);
      const callee =
        one === other
          ? await ground.place(await createHostBehind(ground.internet, other, `${other} 2`), `${other} 2`)
          : await placeAt(other);
      outcomes.push(await pair(one, other, expectedWay(one, other), caller, callee));
      if (one === other) await callee.close();
    }
    await places.get(one)?.close();
  }
  return outcomes;
}

async function pairSpecials(ground: Ground): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { name, way, hosts } of SPECIALS) {
    const [one, other]: readonly [Host, Host] = await hosts(ground.internet);
    const [caller, callee] = await Promise.all([ground.place(one, one.label), ground.place(other, other.label)]);
    outcomes.push(await pair(name, "", way, caller, callee));
    await Promise.all([caller.close(), callee.close()]);
  }
  return outcomes;
}

async function pair(one: string, other: string, expected: Way, caller: Place, callee: Place): Promise<Outcome> {
  const result: CallResult | Error = await callBetween(caller, callee).catch((error: unknown) =>
    error instanceof Error ? error : new Error(String(error)),
  );
  const outcome = { one, other, expected, result };
  console.log(`${`${one}${other === "" ? "" : ` × ${other}`}`.padEnd(42)} ${describeResult(outcome)}`);
  return outcome;
}
