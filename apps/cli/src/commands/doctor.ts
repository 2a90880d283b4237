/** `tsunagi doctor`: why does it not work, and what to do. */
import { resolve } from "node:path";
import { COMMON_OPTIONS, type Command, parse } from "../command.ts";
import { CONFIG_OPTIONS, configOf } from "../config.ts";
import { DOCTOR_CODES } from "../doctor/check.ts";
import { type Diagnosis, examine } from "../doctor/examine.ts";
import { networkProbes } from "../doctor/network-probes.ts";
import type { Probes } from "../doctor/probes.ts";
import { formatDiagnosis } from "../doctor/report.ts";
import { cliError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { styleFor } from "../print/style.ts";
import { durationSeconds, port } from "../values.ts";

const OPTIONS = {
  url: { type: "string", value: "URL", help: "the server to look at (default: this machine, http then https)" },
  port: { type: "string", value: "N", help: "its HTTP port on this machine, without --url (default: as configured, 8080)" },
  "stun-port": { type: "string", value: "N", help: "its STUN port (default: as configured, 3478)" },
  timeout: { type: "string", value: "TIME", help: "how long each check may take (default 3s)" },
  ...CONFIG_OPTIONS,
  json: { type: "boolean", help: "for scripts: the findings as one JSON object" },
  ...COMMON_OPTIONS,
} as const;

export const doctorCommand: Command = {
  name: "doctor",
  usage: "[options]",
  summary: "say what is wrong with a server, and what to do about it",
  options: OPTIONS,
  notes: [
    "It looks at the HTTP and STUN ports, /healthz, the WebSocket, the addresses that are\nadvertised, the clock, and whether browsers would give camera and microphone.\nExit code: 0 when no check failed, 1 when one did. It always ends within a few seconds.",
  ],
  examples: [
    ["tsunagi doctor", "look at the server on this machine"],
    ["tsunagi doctor --url https://calls.example.com", "look at one elsewhere, from here"],
    ["tsunagi doctor --json | jq '.checks[] | select(.status == \"fail\")'", "only what failed"],
  ],
  run: (args, io) => doctor(args, io, networkProbes),
};

export async function doctor(
  args: readonly string[],
  io: Io,
  makeProbes: (options: { timeoutMs: number; caFile: string }) => Probes,
): Promise<ExitCode> {
  const { values } = parse("doctor", OPTIONS, args, { min: 0, max: 0, names: "" });
  const timeoutMs = durationSeconds("--timeout", values.timeout ?? "3s") * 1000;
  const config = configOf(values, io);
  const probes = makeProbes({ timeoutMs, caFile: resolve(io.cwd, config.dataDir, "tls", "ca.crt") });
  const diagnosis = await examine(
    {
      url: httpUrl(values.url),
      httpPort: port("--port", values.port) ?? config.http.port,
      stunPort: port("--stun-port", values["stun-port"]) ?? config.turn.port,
    },
    probes,
  );
  io.stdout.write(values.json === true ? json(diagnosis) : formatDiagnosis(diagnosis, styleFor(io.stdout, io.env)));
  return diagnosis.isWell ? EXIT.ok : EXIT.failed;
}

function httpUrl(text: string | undefined): URL | undefined {
  if (text === undefined) return undefined;
  try {
    const url = new URL(text.includes("://") ? text : `https://${text}`);
    if (url.protocol === "http:" || url.protocol === "https:") return url;
  } catch {
    // Told below, as any other wrong address.
  }
  throw cliError("cli.usage.value", `--url ${text}`, "Write it as https://calls.example.com or http://localhost:8080.");
}

function json({ url, checks, isWell }: Diagnosis): string {
  const withMeaning = checks.map((check) => (check.code === undefined ? check : { ...check, meaning: DOCTOR_CODES[check.code] }));
  return `${JSON.stringify({ url: url.origin, ok: isWell, checks: withMeaning }, undefined, 2)}\n`;
}
