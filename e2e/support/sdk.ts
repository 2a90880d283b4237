/** The SDK in test pages: the bundle's global `Tsunagi`, typed, and how a page gets a peer. */
import type { BrowserPage, ServerProcess } from "@tsunagi/testkit/drivers";

declare global {
  var Tsunagi: typeof import("@tsunagi/sdk");
  /** What {@link openPeer} leaves in the page. */
  var peer: import("@tsunagi/sdk").Peer;
}

/** As far as they pass as JSON. */
export type OpenOptions = {
  readonly trickle?: boolean;
  readonly key?: string;
  readonly token?: string;
  readonly iceServers?: RTCIceServer[];
  readonly iceTransportPolicy?: RTCIceTransportPolicy;
};

/**
 * Makes the page's `peer` and waits until it is open; `helpers.kept.account` makes further ones.
 *
 * @returns its ID, given or made by the server
 */
export async function openPeer(
  page: BrowserPage,
  server: Pick<ServerProcess, "url" | "key">,
  id?: string,
  more: OpenOptions = {},
): Promise<string> {
  return page.evaluate(
    async (url: string, key: string, wanted: string | undefined, given: OpenOptions) => {
      const options = { server: url, key, ...given };
      helpers.kept.account = options;
      globalThis.peer = wanted === undefined ? new Tsunagi.Peer(options) : new Tsunagi.Peer(wanted, options);
      return helpers.within(15_000, "the peer's open", peer.once("open"));
    },
    server.url,
    server.key,
    id,
    more,
  );
}
