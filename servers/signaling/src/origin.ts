/** The app's list of allowed origins, which guards its public key in browsers. */

/** Scheme, host and port; `*.` stands for all subdomains, `:*` for any port. */
export const ORIGIN_PATTERN = /^https?:\/\/(\*\.)?([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:(\d{1,5}|\*))?$/i;

/**
 * @param origin the request's Origin header (RFC 6454 §7); programs that are no browsers send none, and could send any
 * @param allowed `https://example.com`, `https://*.example.com` for all its subdomains, `https://example.com:*` for any port; empty: all
 */
export function isOriginAllowed(origin: string | undefined, allowed: readonly string[]): boolean {
  if (allowed.length === 0 || origin === undefined) return true;
  const asked = origin.toLowerCase();
  return allowed.some((entry) => {
    const pattern = entry.toLowerCase();
    return pattern.endsWith(":*") ? matches(asked.replace(/:\d{1,5}$/, ""), pattern.slice(0, -2)) : matches(asked, pattern);
  });
}

function matches(asked: string, pattern: string): boolean {
  const star = pattern.indexOf("://*.");
  if (star < 0) return asked === pattern;
  const [scheme, suffix] = [pattern.slice(0, star + 3), pattern.slice(star + 4)];
  return asked.startsWith(scheme) && asked.endsWith(suffix) && asked.length > scheme.length + suffix.length;
}

/**
 * What SkyWay's dashboard took as an available domain: a host name without scheme and port, which let in pages of both schemes on any port;
 * `*.example.com` meant `example.com` too. An entry that is an origin already stays as it is.
 *
 * @returns undefined: it is neither
 */
export function originsOfDomain(domain: string): readonly string[] | undefined {
  const text = domain.trim().toLowerCase();
  const origins = text.includes("://")
    ? [text]
    : [text, ...(text.startsWith("*.") ? [text.slice(2)] : [])].flatMap((host) => [`https://${host}:*`, `http://${host}:*`]);
  return origins.every((origin) => ORIGIN_PATTERN.test(origin)) ? origins : undefined;
}
