/** The check as text for whoever runs the server: steps, times, causes. No addresses, no names. */
import type { CheckupState } from "./checkup.ts";
import { STEPS } from "./steps.ts";

export function formatReport({ results, verdict }: CheckupState): string {
  const steps = STEPS.map((step) => {
    const result = results[step];
    const times = "ms" in result ? ` ${Math.round(result.ms)} ms` : "";
    const echo = result.state === "ok" && result.rttMs !== undefined ? `, echo ${result.rttMs.toFixed(1)} ms` : "";
    const why = result.state === "failed" ? ` (${result.why}${result.detail === undefined ? "" : `: ${result.detail}`})` : "";
    return `${step}: ${result.state}${why}${times}${echo}`;
  });
  const findings = verdict?.findings.map(({ code, severity }) => `${severity}: ${code}`) ?? [];
  return ["Tsunagi connection check", ...steps, `network: ${verdict?.network ?? "unknown"}`, ...findings].join("\n");
}
