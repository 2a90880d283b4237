/** From the steps of the check to the facts that the verdict is about. */
import { type CheckFacts, judgeConnection, type PathResult, type Verdict } from "@tsunagi/turn/verdict";
import { type IceServerEntry, type Results, type StepResult, stepOf } from "./steps.ts";

export function judge(results: Results, servers: readonly IceServerEntry[]): Verdict {
  return judgeConnection(factsOf(results, servers));
}

export function factsOf(results: Results, servers: readonly IceServerEntry[]): CheckFacts {
  return {
    paths: {
      host: pathResult(results.direct),
      stun: pathResult(results.stun),
      "turn-udp": pathResult(results["turn-udp"]),
      "turn-tcp": pathResult(results["turn-tcp"]),
      "turn-tls": pathResult(results["turn-tls"]),
    },
    on443: servers.some(({ urls }) => urls.some((url) => portOf(url) === 443 && isStreamThatWorks(url, results))),
  };
}

function isStreamThatWorks(url: string, results: Results): boolean {
  const step = stepOf(url);
  return (step === "turn-tcp" || step === "turn-tls") && results[step].state === "ok";
}

function pathResult(result: StepResult): PathResult {
  switch (result.state) {
    case "ok":
      return "ok";
    case "failed":
      return result.why;
    case "absent":
      return "absent";
    default:
      return "timeout";
  }
}

/** RFC 7064 §3.1, RFC 7065 §3.1: the default is 3478, over TLS 5349. */
export function portOf(url: string): number {
  const port = /^[a-z]+:(?:\[[^\]]*\]|[^:?[\]]*):(\d+)/i.exec(url)?.[1];
  return port === undefined ? (/^(stuns|turns):/i.test(url) ? 5349 : 3478) : Number(port);
}
