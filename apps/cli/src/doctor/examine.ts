/** The doctor's round: asks all probes at once and judges the answers. */
import type { Check } from "./check.ts";
import {
  isLoopbackHost,
  judgeAddresses,
  judgeClock,
  judgeContext,
  judgeHealth,
  judgePort,
  judgeSfu,
  judgeStun,
  judgeTurn,
  judgeUpgrade,
} from "./judge.ts";
import type { Probes } from "./probes.ts";

export type Patient = {
  /** undefined: this machine, plain http first, then https. */
  readonly url: URL | undefined;
  readonly httpPort: number;
  readonly stunPort: number;
  /** As configured on this machine; undefined for a server elsewhere. */
  readonly relay: RelayConfig | undefined;
  /** UDP port of its first worker, as configured on this machine; undefined: it is off, or elsewhere. */
  readonly sfuPort: number | undefined;
};

export type RelayConfig = {
  readonly isOn: boolean;
  readonly hasTcp: boolean;
  /** The name or address that clients are told instead of the one they came by. */
  readonly host: string | undefined;
  /** What the relay gives out instead of this machine's addresses. */
  readonly externalAddresses: readonly string[];
};

export type Diagnosis = { readonly url: URL; readonly checks: readonly Check[]; readonly isWell: boolean };

export async function examine(patient: Patient, probes: Probes): Promise<Diagnosis> {
  const url = patient.url ?? (await localUrl(patient.httpPort, probes));
  const interfaces = probes.interfaces();
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const isLocal = isLoopbackHost(url.hostname) || interfaces.some(({ address }) => address === host);
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));

  const { relay } = patient;
  const wantsTcp = relay?.hasTcp ?? true;
  const [http, socket, tls, stun4, stun6, turnUdp, turnTcp, outside] = await Promise.all([
    probes.get(new URL("/healthz", url)),
    probes.upgrade(new URL("/v1", url)),
    url.protocol === "https:" ? probes.certificate(url) : undefined,
    probes.stun(host, patient.stunPort, 4),
    probes.stun(host, patient.stunPort, 6),
    relay?.isOn === false ? undefined : probes.turn(host, patient.stunPort, "udp"),
    relay?.isOn === false || !wantsTcp ? undefined : probes.turn(host, patient.stunPort, "tcp"),
    relay?.host === undefined ? undefined : probes.resolve(relay.host),
  ]);
  // Afterwards, so that trying a port is not what the other probes meet.
  const tcp = isLocal && http.type === "refused" ? await probes.localPort("tcp", port) : undefined;
  const udp = isLocal && stun4.type !== "mapped" ? await probes.localPort("udp", patient.stunPort) : undefined;
  const { sfuPort } = patient;
  const sfu = isLocal && sfuPort !== undefined && http.type === "response" ? await probes.localPort("udp", sfuPort) : undefined;
  const now = probes.now();

  const checks = [
    judgePort(url, http, isLocal, tcp),
    judgeHealth(http),
    judgeUpgrade(socket, http.type === "response"),
    ...([4, 6] as const).map((family) =>
      judgeStun({ family, port: patient.stunPort, result: family === 4 ? stun4 : stun6, isLocal, local: udp, interfaces }),
    ),
    judgeTurn({
      port: patient.stunPort,
      udp: turnUdp,
      tcp: turnTcp,
      hasStun: stun4.type === "mapped",
      outside,
      relay,
      interfaces,
    }),
    judgeSfu(sfuPort, sfu),
    judgeAddresses(interfaces),
    judgeClock(now, http, isLocal),
    judgeContext(url, tls, interfaces, now),
  ];
  return { url, checks, isWell: checks.every(({ status }) => status !== "fail") };
}

/** Where the server on this machine answers: plain http unless it wants https. */
export async function localUrl(port: number, probes: Probes): Promise<URL> {
  const plain = new URL(`http://localhost:${port}`);
  const secure = new URL(`https://localhost:${port}`);
  const first = await probes.get(new URL("/healthz", plain));
  // A server started with --tls closes on plain http, or answers that it wants https.
  if (first.type === "response" && first.status === 200) return plain;
  if (first.type !== "foreign" && first.type !== "response") return plain;
  const second = await probes.get(new URL("/healthz", secure));
  return second.type === "response" ? secure : plain;
}
