/** The addresses to open in a browser, from what the server listens on. */

export type Listening = { readonly address: string; readonly port: number; readonly secure: boolean };

/** The one for this machine first; then those for other devices. */
export function urlsOf({ address, port, secure }: Listening, lan: readonly string[]): string[] {
  const scheme = secure ? "https" : "http";
  const url = (host: string) => {
    const shown = port === (secure ? 443 : 80) ? "" : `:${port}`;
    return `${scheme}://${host.includes(":") ? `[${host}]` : host}${shown}`;
  };
  const isAny = address === "::" || address === "0.0.0.0";
  if (!isAny) return [url(address === "127.0.0.1" || address === "::1" ? "localhost" : address)];
  return [url("localhost"), ...lan.filter((each) => address === "::" || !each.includes(":")).map(url)];
}

/** For a phone: IPv4 before IPv6, since it is shorter and every network has it. */
export function phoneUrl(urls: readonly string[]): string | undefined {
  const others = urls.filter((url) => !url.includes("//localhost"));
  return others.find((url) => !url.includes("[")) ?? others[0];
}
