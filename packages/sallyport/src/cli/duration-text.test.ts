import { expect, test } from "vitest";
import { durationText } from "./duration-text.js";

test.each([
  [600, "10 minutes"],
  [599, "10 minutes"],
  [60, "1 minute"],
  [3_600, "1 hour"],
  [5_400, "90 minutes"],
  [86_401, "24 hours"],
])("%d seconds are %s", (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});
