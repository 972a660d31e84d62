import { expect, test } from "vitest";
import { resolveLimits } from "./limits.js";

test("limits have defaults, and every value out of bounds is named at once", () => {
  expect(resolveLimits()).toMatchObject({ bodyBytes: 4 * 1024 * 1024, drainMs: 5_000 });
  expect(resolveLimits({ drainMs: 1 }).drainMs).toBe(1);
  expect(() => resolveLimits({ bodyBytes: 5 * 1024 * 1024, drainMs: 0 })).toThrow(/limits.bodyBytes.*limits.drainMs/);
  expect(() => resolveLimits({ connections: Number.NaN })).toThrow(TypeError);
});
