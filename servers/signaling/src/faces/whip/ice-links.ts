/** ICE servers as Link header fields (RFC 9725 §4.6, RFC 8288). */
import type { IceServer } from "@tsunagi/protocol";

/** One field value for each URL. */
export function iceLinks(servers: readonly IceServer[]): readonly string[] {
  return servers.flatMap(({ urls, username, credential }) =>
    urls.map((url) => {
      const account =
        username === undefined || credential === undefined
          ? ""
          : `; username=${quoted(username)}; credential=${quoted(credential)}; credential-type="password"`;
      return `<${url.replaceAll(">", "%3E")}>; rel="ice-server"${account}`;
    }),
  );
}

/** RFC 9110 §5.6.4. What cannot stand in a field is left out: configured names may hold anything. */
function quoted(text: string): string {
  return `"${text.replace(/[^\t\x20-\x7e]/g, "").replace(/["\\]/g, "\\$&")}"`;
}
