/** A length of time in words, to the minute: "10 minutes", "24 hours". */
export function durationText(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  return minutes >= 60 && minutes % 60 === 0 ? counted(minutes / 60, "hour") : counted(minutes, "minute");
}

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
