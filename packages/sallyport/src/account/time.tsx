const MACHINE = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short", timeZone: "UTC" });
const EXACT = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" });
const DAY = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });
const RELATIVE = new Intl.RelativeTimeFormat("en-GB", { numeric: "auto" });

const UNITS: readonly {
  readonly unit: Intl.RelativeTimeFormatUnit;
  readonly seconds: number;
  readonly below: number;
}[] = [
  { unit: "minute", seconds: 60, below: 3600 },
  { unit: "hour", seconds: 3600, below: 86_400 },
  { unit: "day", seconds: 86_400, below: 14 * 86_400 },
];

/** `2 hours ago`, `in 3 days`, `18 Nov 2026`: seconds since the epoch as people say them. */
export function formatMoment(at: number, now: number): string {
  const distance = Math.abs(at - now);
  if (distance < 60) return at > now ? "in less than a minute" : "just now";
  const row = UNITS.find(({ below }) => distance < below);
  return row === undefined ? DAY.format(at * 1000) : RELATIVE.format(Math.trunc((at - now) / row.seconds), row.unit);
}

/** `18 November 2026 at 14:05 UTC`. */
export function formatExact(at: number): string {
  return `${EXACT.format(at * 1000)} UTC`;
}

export function Moment({ at, now }: { readonly at: number; readonly now: number }) {
  return (
    <time datetime={`${MACHINE.format(at * 1000).replace(" ", "T")}Z`} title={formatExact(at)}>
      {formatMoment(at, now)}
    </time>
  );
}
