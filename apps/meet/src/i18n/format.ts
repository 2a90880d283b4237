/** Numbers, sizes and times as a reader of the language writes them. */

const BYTE_UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** Decimal units, as file managers show them. */
export function formatBytes(bytes: number, locale: string): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  // 999.5 would round to "1,000": that is one of the next unit.
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit: BYTE_UNITS[unit] ?? "byte",
    unitDisplay: unit === 0 ? "long" : "short",
    maximumFractionDigits: unit === 0 || value >= 100 ? 0 : 1,
  }).format(value);
}

/** `4:07` or `1:02:09`: what a running call shows. */
export function formatClock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** `4 minutes 7 seconds`, for the end of a call. */
export function formatDuration(ms: number, locale: string): string {
  const total = Math.max(0, Math.round(ms / 1000));
  const parts: string[] = [];
  const add = (value: number, unit: string) => {
    parts.push(new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(value));
  };
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor(total / 60) % 60;
  const seconds = total % 60;
  if (hours > 0) add(hours, "hour");
  if (minutes > 0) add(minutes, "minute");
  // Beside hours, seconds only distract.
  if (hours === 0 && (seconds > 0 || minutes === 0)) add(seconds, "second");
  return parts.join(locale.startsWith("ja") ? "" : " ");
}

export function formatTime(at: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" }).format(at);
}

export function formatBitrate(bps: number, locale: string): string {
  const mega = bps >= 999_500;
  const value = mega ? bps / 1_000_000 : bps / 1000;
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits: mega ? 1 : 0 }).format(value);
  return `${number} ${mega ? "Mbit/s" : "kbit/s"}`;
}

export function formatPercent(fraction: number, locale: string): string {
  return new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: fraction < 0.1 ? 1 : 0 }).format(fraction);
}

export function formatMs(ms: number, locale: string): string {
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }).format(ms)} ms`;
}
