import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isExactNumber } from "./json-number.js";

describe("isExactNumber", () => {
  it.each([
    "0",
    "-0",
    "0.0",
    "1",
    "-1",
    "1.50",
    "0.1",
    "1e3",
    "1E+3",
    "1.5e-7",
    "0e999999",
    "9007199254740991",
    "9007199254740992",
    "1e22",
    "123456789012345680000",
    "5e-324",
    "1.7976931348623157e308",
    "0.30000000000000004",
  ])("%s is exact", (literal) => {
    expect(isExactNumber(literal)).toBe(true);
  });

  it.each([
    "9007199254740993",
    "-9007199254740993",
    "12345678901234567890",
    "1e400",
    "-1e400",
    "1e-400",
    "0.1000000000000000055511151231257827",
    "1.00000000000000001",
    "3.14159265358979323846",
    `1${"0".repeat(400)}`,
    "",
    "x",
    "1-2",
    "0x10",
  ])("%s is not", (literal) => {
    expect(isExactNumber(literal)).toBe(false);
  });

  it("holds for every number that JavaScript wrote itself", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => isExactNumber(JSON.stringify(value))),
    );
  });

  it("holds for an integer exactly if it survives the way through a double", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (value) => {
        // A double's own decimal name is its shortest: 2^70 as JavaScript writes it, not with all its digits.
        const survives =
          BigInt(Number(value).toLocaleString("en", { useGrouping: false, maximumFractionDigits: 0 })) === value;
        expect(isExactNumber(String(value))).toBe(survives);
      }),
    );
  });
});
