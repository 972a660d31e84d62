const NUMBER = /^-?([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/;
/** Longer literals count as inexact unseen; no double needs more than 17 significant digits. */
const MAX_LENGTH = 400;

/**
 * Whether a double gives back the decimal number that the JSON literal writes: `0.1`, `1.50` and `1e3` do, `9007199254740993`, `1e400` and
 * a twentieth digit do not. False for what is no number.
 */
export function isExactNumber(literal: string): boolean {
  if (literal.length > MAX_LENGTH) return false;
  const value = Number(literal);
  return Number.isFinite(value) && decimalOf(literal) === decimalOf(String(value));
}

/** Significant digits and power of ten, the same for every spelling of one number; the sign is left out. */
function decimalOf(literal: string): string | undefined {
  const [match, integer = "", fraction = "", exponent = "0"] = NUMBER.exec(literal) ?? [];
  if (match === undefined) return undefined;
  const all = integer + fraction;
  const digits = all.replace(/^0+/, "").replace(/0+$/, "");
  if (digits === "") return "0";
  const trailing = all.length - all.replace(/0+$/, "").length;
  return `${digits}e${Number(exponent) - fraction.length + trailing}`;
}
