/** The matrix in words: a line for the terminal, and docs/nat-matrix.md. */
import { NETWORK_KINDS } from "@tsunagi/testkit/drivers";
import { type CallResult, type Pair, wayOf } from "./call.ts";
import { KINDS, SPECIALS, type Way } from "./pairings.ts";

export type Outcome = {
  /** A kind of network, or the name of a special pairing; then `other` is empty. */
  readonly one: string;
  readonly other: string;
  readonly expected: Way;
  readonly result: CallResult | Error;
};

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;

/** "relay/tcp", or "srflx". */
const candidate = ({ local, relayProtocol }: Pair) => (relayProtocol === undefined ? local : `${local}/${relayProtocol}`);

export function describeResult({ expected, result }: Outcome): string {
  if (result instanceof Error) return `FAILED ${result.message}`;
  const way = wayOf(result);
  const surprise = way === expected ? "" : `  (expected: ${expected})`;
  return (
    `${way.padEnd(6)} ${candidate(result.caller)} – ${candidate(result.callee)}`.padEnd(36) +
    seconds(result.firstFrameMs) +
    surprise
  );
}

function cell(outcome: Outcome | undefined): string {
  if (outcome === undefined) return "";
  const { result } = outcome;
  if (result instanceof Error) return "**failed**";
  const pair = `${candidate(result.caller)} – ${candidate(result.callee)}`;
  return `${wayOf(result) === "relay" ? "**relay**" : "direct"}<br>${pair}<br>${seconds(result.firstFrameMs)}`;
}

const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;

export function renderDocument(outcomes: readonly Outcome[], specials: readonly Outcome[]): string {
  const find = (one: string, other: string) => outcomes.find((each) => each.one === one && each.other === other);
  const kinds = KINDS.filter((kind) => outcomes.some(({ one }) => one === kind));
  const failures = [...outcomes, ...specials].filter(({ result }) => result instanceof Error);
  const all = outcomes.length + specials.length;
  return `# Who reaches whom

Calls between Chromium on hosts behind real NATs: network namespaces, translated by nftables, with the built server on a small internet of
their own. A pairing counts when both sides decode frames. This page is written by

\`\`\`sh
npm run nat-matrix -w @tsunagi/e2e        # as root on Linux; about four minutes
\`\`\`

Last written on ${new Date().toISOString().slice(0, 10)}: ${all - failures.length} of ${all} pairings have a call${failures.length === 0 ? "" : ", see below"}.

## The networks

${row(["network", "what it is (RFC 4787)"])}
|---|---|
${KINDS.map((kind) => row([kind, NETWORK_KINDS[kind].about])).join("\n")}

That each behaves as named is tested from behind it (\`e2e/tests/nat-kinds.test.ts\`), in the manner of RFC 5780.

## The matrix

In each field: the way, the candidates in the end (the row's own, the column's own; \`relay/tcp\` is a relayed candidate whose owner speaks to the
TURN server over TCP), and the time from \`call()\` to the first decoded frame, the later one of both sides. The other half is the same.

${row(["", ...kinds])}
|---|${kinds.map(() => "---|").join("")}
${kinds.map((one) => row([`**${one}**`, ...kinds.map((other) => cell(find(one, other)))])).join("\n")}

Behind the same router, and over different families of addresses:

${row(["pairing", "what it is", "way", "candidates", "first frame"])}
|---|---|---|---|---|
${specials.map(specialRow).join("\n")}
${failures.length === 0 ? "" : `\n## What failed\n\n${failures.map(failure).join("\n")}\n`}
## How to read it

${READING}`;
}

function specialRow(outcome: Outcome): string {
  const about = SPECIALS.find(({ name }) => name === outcome.one)?.about ?? "";
  const { result } = outcome;
  if (result instanceof Error) return row([outcome.one, about, "**failed**", "", ""]);
  const way = wayOf(result) === "relay" ? "**relay**" : "direct";
  return row([
    outcome.one,
    about,
    way,
    `${candidate(result.caller)} – ${candidate(result.callee)}`,
    seconds(result.firstFrameMs),
  ]);
}

const failure = ({ one, other, result }: Outcome) =>
  `- ${one}${other === "" ? "" : ` × ${other}`}: ${result instanceof Error ? result.message.replaceAll("\n", " ") : ""}`;

const READING = `- **Without a relay** everybody connects who keeps one outside port for all destinations (endpoint-independent mapping), however strictly the
  other's packets are filtered and through however many routers: both sides send to the port that STUN showed, and the filters open.
- **A symmetric NAT** takes another port for each destination, so that the one that STUN showed is of no use. It still gets through to networks
  that let in any port of an address they have sent to: the first check that arrives shows the new port (\`prflx\`). Towards a port-restricted
  one, a carrier-grade one or another symmetric one it needs the relay.
- **Where UDP is blocked** one relayed candidate does: the blocked side speaks to the TURN server over TCP or TLS, the other side reaches the
  relayed address by UDP as it would any other.
- **Where only port 443 is open** it must be TURN on that port, beside https: \`turn.shareHttpPort\`. Nothing else gets through.
  Chromium speaks TURN over TLS only to a server whose certificate it trusts, and says nothing when it does not, also where the page itself was
  let in past a warning. A local CA must be installed on the device.
- **Two hosts behind one NAT** that see each other need nothing. Where they do not (guest networks, two customers of one carrier) it depends
  on hairpinning, which not every router does: then the relay.
- **Both sides over the relay** of one server cost one server twice: the packet goes in, from one relayed address to the other, and out.
- A relay costs little time here, where all is one machine; on the internet it costs the way to the server and back.

So: a server without TURN connects most homes to each other, and loses those with a symmetric NAT (some mobile networks and offices) and all
behind strict firewalls. With TURN on 3478 it gains the first, with TURN on 443 the second.
`;
