/** What `tsunagi start` prints once all is up: at most 12 lines, the QR code beside them where the terminal is wide enough. */
import { padEnd, type Style, widthOf } from "./style.ts";

export const MAX_BANNER_LINES = 12;

export type BannerFacts = {
  readonly version: string;
  /** Where a browser opens the app; the first is the one for this machine. */
  readonly urls: readonly string[];
  readonly apps: readonly { readonly name: string; readonly key: string }[];
  /** `STUN 3478 UDP`, … */
  readonly services: readonly string[];
  /** For phones: where the CA's certificate is offered. */
  readonly caUrl?: string | undefined;
  /** Where the admin REST's token stands. */
  readonly adminTokenPlace: string;
  /** How this was started, so that what is advised can be typed as it stands: `tsunagi start`, `npm start --`. */
  readonly startedBy: string;
  readonly logPlace: string;
  readonly readyInMs: number;
  /** A browser on another machine would get no camera: said here, before somebody wonders. */
  readonly isPlainHttp: boolean;
};

export function banner(facts: BannerFacts, style: Style): string[] {
  const row = (label: string, value: string) => `  ${style.dim(padEnd(label, 8))}${value}`;
  const [first, ...others] = facts.urls;
  const [app, ...moreApps] = facts.apps;
  const lines = [
    "",
    `  ${style.bold("Tsunagi")} ${facts.version} is ready ${style.dim(`(${(facts.readyInMs / 1000).toFixed(1)} s)`)}`,
    "",
  ];
  if (first !== undefined) lines.push(row("open", style.accent(first)));
  for (const url of others.slice(0, 2)) lines.push(row("", style.accent(url)));
  if (app !== undefined)
    lines.push(
      row("key", `${app.key}${moreApps.length > 0 ? style.dim(`  and ${moreApps.length} more: tsunagi keys list`) : ""}`),
    );
  if (facts.caUrl !== undefined) lines.push(row("phones", `install once: ${style.accent(facts.caUrl)}`));
  else if (facts.isPlainHttp) lines.push(row("phones", `need https for the camera: ${style.bold(`${facts.startedBy} --tls`)}`));
  lines.push(row("on", facts.services.join(" · ")));
  if (first !== undefined) lines.push(row("admin", `${first}/admin/docs${style.dim(`, token in ${facts.adminTokenPlace}`)}`));
  lines.push(row("log", `${facts.logPlace}${style.dim("  Ctrl-C stops")}`));
  return lines.slice(0, MAX_BANNER_LINES);
}

/** The QR code right of the banner, or below it in a narrow terminal. */
export function withQr(lines: readonly string[], qr: readonly string[], columns: number): string[] {
  const left = Math.max(...lines.map(widthOf)) + 3;
  const width = Math.max(...qr.map(widthOf));
  if (left + width > columns) return [...lines, "", ...qr.map((line) => `  ${line}`)];
  return Array.from({ length: Math.max(lines.length, qr.length) }, (_, index) =>
    qr[index] === undefined ? (lines[index] ?? "") : padEnd(lines[index] ?? "", left) + qr[index],
  );
}
