/** What came instead of the right answer, as the end of a sentence. */
import type { NoAnswer, TlsResult } from "../doctor/probes.ts";
import type { AskResult } from "./ask.ts";

export function describe(result: AskResult | NoAnswer | TlsResult): string {
  switch (result.type) {
    case "response":
      return `answers ${result.status}`;
    case "certificate":
      return "answers by TLS";
    case "refused":
      return "is closed";
    case "timeout":
      return "does not answer";
    case "unresolved":
      return "has no address";
    case "foreign":
      return `does not speak it (${result.detail})`;
    default:
      throw new Error(`unhandled result ${JSON.stringify(result satisfies never)}`);
  }
}
