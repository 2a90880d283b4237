/** `tsunagi doctor`: why does it not work, and what to do. */
import { resolve } from "node:path";
import { COMMON_OPTIONS, type Command, parse, type Values } from "../command.ts";
import { CONFIG_OPTIONS, configOf } from "../config.ts";
import { DOCTOR_CODES } from "../doctor/check.ts";
import { type Diagnosis, examine, localUrl } from "../doctor/examine.ts";
import { networkProbes } from "../doctor/network-probes.ts";
import type { Probes } from "../doctor/probes.ts";
import { formatDiagnosis } from "../doctor/report.ts";
import { cliError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { examinePeerjs, type PeerjsProbes } from "../faces/peerjs-examine.ts";
import { visitPeerjs } from "../faces/peerjs-visit.ts";
import { examineSkyway, skywayProbes } from "../faces/skyway-examine.ts";
import type { Io } from "../io.ts";
import { styleFor } from "../print/style.ts";
import { examineFromClient, type RelayDiagnosis } from "../relay/examine.ts";
import { parseIceUrl } from "../relay/ice-url.ts";
import { type RelayProbeOptions, type RelayProbes, relayProbes } from "../relay/relay-probes.ts";
import { defaultKey, type IceServerEntry } from "../relay/session-probe.ts";
import { durationSeconds, port } from "../values.ts";

const OPTIONS = {
  url: { type: "string", value: "URL", help: "the server to look at (default: this machine, http then https)" },
  port: { type: "string", value: "N", help: "its HTTP port on this machine, without --url (default: as configured, 8080)" },
  "turn-port": { type: "string", value: "N", help: "its STUN and TURN port (default: as configured, 3478)" },
  timeout: { type: "string", value: "TIME", help: "how long each check may take (default 3s)" },
  "from-client": { type: "boolean", help: "try, as a caller would, whether STUN and the relay work from here" },
  skyway: { type: "string", value: "URL", help: "look at the server as an app on skyway-js would" },
  peerjs: { type: "string", value: "URL", help: "look at it as an app on PeerJS would; with the path, /peerjs by default" },
  origin: { type: "string", value: "URL", help: "with --skyway, --peerjs: the page that apps are on (default: an unknown one)" },
  peer: { type: "string", value: "ID", help: "with --skyway: the peer ID to open with" },
  credential: { type: "string", value: "JSON", help: "with --skyway: for apps that demand one; tsunagi token --skyway makes it" },
  key: { type: "string", value: "KEY", help: "with those three: the app's key (default: that of the server's web apps)" },
  token: { type: "string", value: "TOKEN", help: "with --from-client: for apps that demand one; see tsunagi token" },
  turn: {
    type: "string",
    multiple: true,
    value: "URL",
    help: "with --from-client: try this relay, without asking the server which",
  },
  user: { type: "string", value: "NAME", help: "with --turn: its user name" },
  password: { type: "string", value: "TEXT", help: "with --turn: its password (better: in the environment, TURN_PASSWORD)" },
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
    "It looks at the HTTP, STUN and TURN ports, /healthz, the WebSocket, the addresses that are\nadvertised, the clock, and whether browsers would give camera and microphone.\nExit code: 0 when no check failed, 1 when one did. It always ends within a few seconds.",
    "With --skyway or --peerjs it goes through what the unedited library does: addresses, other\norigins, handshake, session, listing, and for skyway-js the dispatcher, an SFU room's first offer\nand the TURN server that is built into the library.",
    "With --from-client, run it on a network where people call from. It opens a session like a\nbrowser, finds out what kind of NAT stands in between, sends data through the relay and back by\nUDP, TCP and TLS, and says on which networks calls will work.",
  ],
  examples: [
    ["tsunagi doctor", "look at the server on this machine"],
    ["tsunagi doctor --url https://calls.example.com", "look at one elsewhere, from here"],
    ["tsunagi doctor --from-client --url https://calls.example.com", "would a call from this network work"],
    ["tsunagi doctor --skyway https://calls.example.com", "will an app on skyway-js work there"],
    ["TURN_PASSWORD=… tsunagi doctor --from-client --turn turn:turn.example.com --user me", "the same for any TURN server"],
    ["tsunagi doctor --json | jq '.checks[] | select(.status == \"fail\")'", "only what failed"],
  ],
  run: (args, io) => doctor(args, io, networkProbes, relayProbes),
};

export async function doctor(
  args: readonly string[],
  io: Io,
  makeProbes: (options: { timeoutMs: number; caFile: string }) => Probes,
  makeRelayProbes: (options: RelayProbeOptions) => RelayProbes,
): Promise<ExitCode> {
  const { values } = parse("doctor", OPTIONS, args, { min: 0, max: 0, names: "" });
  const timeoutMs = durationSeconds("--timeout", values.timeout ?? "3s") * 1000;
  const config = configOf(values, io);
  const caFile = resolve(io.cwd, config.dataDir, "tls", "ca.crt");
  const probes = makeProbes({ timeoutMs, caFile });
  const library = values.skyway === undefined ? (values.peerjs === undefined ? undefined : "peerjs") : "skyway";
  if (library !== undefined) {
    const diagnosis = await examineLibrary(library, values, probes, timeoutMs);
    io.stdout.write(values.json === true ? json(diagnosis) : formatDiagnosis(diagnosis, styleFor(io.stdout, io.env)));
    return diagnosis.isWell ? EXIT.ok : EXIT.failed;
  }
  const ofLibrary = (["origin", "peer", "credential"] as const).find((name) => values[name] !== undefined);
  if (ofLibrary !== undefined)
    throw cliError("cli.usage.option", `--${ofLibrary} goes with --skyway`, "See: tsunagi doctor --help");
  if (values["from-client"] === true) {
    const iceServers = turnServers(values, io);
    const url =
      httpUrl(values.url) ??
      // With --turn no server of ours is asked.
      (iceServers === undefined
        ? await localUrl(port("--port", values.port) ?? config.http.port, probes)
        : new URL("http://localhost"));
    const { interfaces } = probes;
    const relay = makeRelayProbes({ timeoutMs, caFile, interfaces });
    const diagnosis = await examineFromClient({ url, key: values.key, token: values.token, iceServers }, relay);
    const place = iceServers === undefined ? url.origin : iceServers.flatMap(({ urls }) => urls).join(", ");
    const style = styleFor(io.stdout, io.env);
    io.stdout.write(values.json === true ? json(diagnosis, place) : formatDiagnosis(diagnosis, style, place));
    return diagnosis.isWell ? EXIT.ok : EXIT.failed;
  }
  const only = (["key", "token", "turn", "user", "password"] as const).find((name) => values[name] !== undefined);
  if (only !== undefined)
    throw cliError(
      "cli.usage.option",
      `--${only} goes with ${only === "key" ? "--from-client, --skyway or --peerjs" : "--from-client"}`,
      "See: tsunagi doctor --help",
    );
  const diagnosis = await examine(
    {
      url: httpUrl(values.url),
      httpPort: port("--port", values.port) ?? config.http.port,
      stunPort: port("--turn-port", values["turn-port"]) ?? config.turn.port,
      relay:
        values.url === undefined
          ? {
              isOn: config.turn.enabled && config.turn.relay,
              hasTcp: config.turn.tcp,
              host: config.turn.host,
              externalAddresses: Object.values(config.turn.externalAddresses),
            }
          : undefined,
      // 0: the server took a free one, which is not known here.
      sfuPort: values.url === undefined && config.sfu.enabled ? config.sfu.port || undefined : undefined,
    },
    probes,
  );
  io.stdout.write(values.json === true ? json(diagnosis) : formatDiagnosis(diagnosis, styleFor(io.stdout, io.env)));
  return diagnosis.isWell ? EXIT.ok : EXIT.failed;
}

/** A page that no server can know, so that rules about origins show. */
const UNKNOWN_PAGE = "https://some-page.example";

async function examineLibrary(
  library: "skyway" | "peerjs",
  values: Values<typeof OPTIONS>,
  probes: Probes,
  timeoutMs: number,
): Promise<Diagnosis> {
  if (values.skyway !== undefined && values.peerjs !== undefined)
    throw cliError("cli.usage.option", "--skyway and --peerjs", "Look with one after the other.");
  const url = httpUrl(values[library], `--${library}`) ?? new URL("http://localhost:8080");
  const origin = (httpUrl(values.origin, "--origin") ?? new URL(UNKNOWN_PAGE)).origin;
  const { peer: peerId, credential, key } = values;
  if (library === "peerjs") {
    if (url.pathname === "/" && !/\/$/.test(values.peerjs ?? "")) url.pathname = "/peerjs";
    const visit: PeerjsProbes["visit"] = (place, options) => visitPeerjs(place, { ...options, timeoutMs });
    return examinePeerjs({ url, key: key ?? "peerjs", origin }, { get: probes.get, certificate: probes.certificate, visit });
  }
  const asked = (place: URL) => defaultKey(place, timeoutMs);
  return examineSkyway({ url: new URL(url.origin), key, origin, peerId, credential }, skywayProbes(probes, asked, timeoutMs));
}

function httpUrl(text: string | undefined, option = "--url"): URL | undefined {
  if (text === undefined) return undefined;
  try {
    const url = new URL(text.includes("://") ? text : `https://${text}`);
    if (url.protocol === "http:" || url.protocol === "https:") return url;
  } catch {
    // Told below, as any other wrong address.
  }
  throw cliError("cli.usage.value", `${option} ${text}`, "Write it as https://calls.example.com or http://localhost:8080.");
}

/** What `--turn` gives by hand. */
function turnServers(
  { turn, user, password }: { turn?: string[]; user?: string; password?: string },
  io: Io,
): readonly IceServerEntry[] | undefined {
  if (turn === undefined) return undefined;
  const wrong = turn.find((url) => parseIceUrl(url) === undefined);
  if (wrong !== undefined)
    throw cliError(
      "cli.usage.value",
      `--turn ${wrong}`,
      "Write it as turn:turn.example.com:3478?transport=udp or turns:turn.example.com:443.",
    );
  return [{ urls: turn, username: user ?? "", credential: password ?? io.env.TURN_PASSWORD ?? "" }];
}

function json(diagnosis: Diagnosis | RelayDiagnosis, place = diagnosis.url.origin): string {
  const { checks, isWell } = diagnosis;
  const withMeaning = checks.map((check) => (check.code === undefined ? check : { ...check, meaning: DOCTOR_CODES[check.code] }));
  const report = {
    url: place,
    ok: isWell,
    checks: withMeaning,
    ...("verdict" in diagnosis ? { nat: diagnosis.nat, verdict: diagnosis.verdict } : {}),
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}
