/** coturn on a host of its own on the internet: the same calls over another TURN server tell whose fault a fault is. */
import { type Lan, startProcess } from "@tsunagi/testkit/drivers";

const USER = { username: "user", credential: "password" };

/** UDP and TCP on 3478, TCP on 443. */
export async function startCoturn(internet: Lan): Promise<readonly RTCIceServer[]> {
  const host = await internet.host("coturn");
  const [address = ""] = host.addresses;
  const process = await startProcess({
    name: "coturn",
    command: "turnserver",
    args: [
      ...["-n", "--no-cli", "--no-tls", "--no-dtls", "--log-file=stdout", "--pidfile=/dev/null"],
      ...["--listening-ip", address, "--relay-ip", address, "--aux-server", `${address}:443`],
      ...["--lt-cred-mech", "--realm", "matrix", "--user", `${USER.username}:${USER.credential}`],
    ],
    netns: host.netns,
  });
  await process.waitForLog(/admin thread/);
  const turn = (port: number, transport: string) => `turn:${address}:${port}?transport=${transport}`;
  return [{ urls: `stun:${address}:3478` }, { urls: [turn(3478, "udp"), turn(3478, "tcp"), turn(443, "tcp")], ...USER }];
}
