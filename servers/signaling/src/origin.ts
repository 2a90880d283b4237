/** The app's list of allowed origins, which guards its public key in browsers. */

/**
 * @param origin the request's Origin header (RFC 6454 §7); programs that are no browsers send none, and could send any
 * @param allowed `https://example.com`, or `https://*.example.com` for all its subdomains; empty: all
 */
export function isOriginAllowed(origin: string | undefined, allowed: readonly string[]): boolean {
  if (allowed.length === 0 || origin === undefined) return true;
  const asked = origin.toLowerCase();
  return allowed.some((entry) => {
    const pattern = entry.toLowerCase();
    const star = pattern.indexOf("://*.");
    if (star < 0) return asked === pattern;
    const [scheme, suffix] = [pattern.slice(0, star + 3), pattern.slice(star + 4)];
    return asked.startsWith(scheme) && asked.endsWith(suffix) && asked.length > scheme.length + suffix.length;
  });
}
