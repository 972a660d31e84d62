import { describe, expect, it } from "vitest";
import { formatMoment, Moment } from "./time.js";

const NOW = 1_800_000_000;

describe("moments on the account page", () => {
  it.each([
    [0, "just now"],
    [-59, "just now"],
    [30, "in less than a minute"],
    [-60, "1 minute ago"],
    [-3599, "59 minutes ago"],
    [-3600, "1 hour ago"],
    [-86_400, "yesterday"],
    [-13 * 86_400, "13 days ago"],
    [-14 * 86_400, "1 Jan 2027"],
    [86_400 * 3, "in 3 days"],
    [180 * 86_400, "14 Jul 2027"],
  ])("%i seconds from now are %s", (distance, text) => expect(formatMoment(NOW + distance, NOW)).toBe(text));

  it("carry the exact time for machines and on hover", () => {
    expect(String(Moment({ at: NOW, now: NOW }))).toBe(
      '<time datetime="2027-01-15T08:00Z" title="15 January 2027 at 08:00 UTC">just now</time>',
    );
  });
});
