/**
 * What calls between networks stand on: a small internet with the built product on it, which serves https, signalling and TURN on port 443
 * beside the usual ports of TURN, and Chromium on hosts behind routers of each kind.
 */
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type BrowserPage,
  createInternet,
  giveIpv6,
  type Host,
  helpersScript,
  type Lan,
  launchChromium,
  type ServerProcess,
  sdkBundle,
  startServer,
} from "@tsunagi/testkit/drivers";

/** The tool that runs these files beside vitest keeps function names by calls of this helper, which functions sent into a page then miss. */
const NAME_HELPER = "globalThis.__name = (named) => named;";

export interface Ground {
  readonly internet: Lan;
  readonly server: ServerProcess;
  /** The server's IPv4 address. */
  readonly address: string;
  /** A page with an open peer, in a Chromium of its own on this host. `iceServers`: instead of those that the server tells. */
  place(host: Host, name: string, iceServers?: readonly RTCIceServer[]): Promise<Place>;
}

export interface Place {
  readonly name: string;
  readonly page: BrowserPage;
  close(): Promise<void>;
}

export type GroundOptions = {
  /** Starts another TURN server on the internet and says how peers reach it, instead of what the product tells them. */
  readonly relay?: (internet: Lan) => Promise<readonly RTCIceServer[]>;
};

export async function openGround(options: GroundOptions = {}): Promise<Ground> {
  const internet = await createInternet();
  const machine = await internet.host("server");
  const [ipv4 = ""] = machine.addresses;
  const ipv6 = await giveIpv6(machine);
  const server = await startServer({
    sfu: false,
    host: machine,
    port: 443,
    turnPort: 3478,
    env: { TSUNAGI_TLS_ENABLED: "true", TSUNAGI_TURN_SHARE_HTTP_PORT: "true" },
  });
  const otherRelay = await options.relay?.(internet);
  const trusted = publicKeyHash(join(server.dataDir, "tls", "server.pem"));
  return {
    internet,
    server,
    address: ipv4,
    async place(host, name, iceServers = otherRelay) {
      // The kernel looks for duplicates of its link-local address for a second: the end of that is a change of network to Chromium.
      await host.exec("sh", "-c", "while ip -6 -oneline address show tentative | grep -q .; do sleep 0.1; done");
      const browser = await launchChromium({
        netns: host.netns,
        // As if its CA had been installed: Chromium speaks TURN over TLS to trusted servers only, as it does https. The key of a CA that
        // the server does not send along would not do.
        args: [`--ignore-certificate-errors-spki-list=${trusted}`],
      });
      const page = await browser.newPage({ name, preload: [NAME_HELPER, sdkBundle(), helpersScript()] });
      // The peer's server is where its page is from, and the TURN server too.
      await page.goto(host.addresses[0] === "" ? `https://[${ipv6}]/healthz` : `https://${ipv4}/healthz`);
      await page.evaluate(
        async (id: string, key: string, iceServers: readonly RTCIceServer[] | undefined) => {
          globalThis.peer = new Tsunagi.Peer(id, {
            key,
            ...(iceServers === undefined ? {} : { iceServers: [...iceServers] as never }),
          });
          await helpers.within(15_000, "the peer's open", peer.once("open"));
        },
        name,
        server.key,
        iceServers,
      );
      return { name, page, close: () => browser.close() };
    },
  };
}

/** Of the public key of the certificate in a PEM file, as Chromium wants it: SHA-256 of the SubjectPublicKeyInfo in base64. */
function publicKeyHash(path: string): string {
  const { publicKey } = new X509Certificate(readFileSync(path));
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("base64");
}
