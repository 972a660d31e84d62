import { expect, it } from "vitest";
import { createExpectations, named, type ReadLine, writeTamperedLog } from "./testing/tampered-log.js";

/** Pairs that are farther apart have the lines in between taken out, which takes a third of the time: the check then says that, too. */
const NEAR = 40;

function swap(lines: readonly ReadLine[], one: number, other: number): ReadLine[] {
  const swapped = lines.slice();
  swapped[one] = lines[other] as ReadLine;
  swapped[other] = lines[one] as ReadLine;
  return swapped;
}

it("names each two records of 1,000 that change places: all pairs", { timeout: 600_000 }, async () => {
  const { read, problemsOf, stretch } = await writeTamperedLog();
  const { misses, check } = createExpectations();
  let tried = 0;
  for (let one = 0; one < read.length; one++) {
    for (let other = one + 1; other < read.length; other++) {
      const part = stretch(one, other);
      const swapped = swap(part.lines, one - part.start, other - part.start);
      const [first, last] = [one + 3, other - 3];
      const isFar = other - one > NEAR;
      if (isFar) swapped.splice(first - part.start, last - first + 1);
      const both = `reordered ${other}-${other}${other === one + 1 ? "" : `, reordered ${one}-${one}`}`;
      check(`${one} and ${other}`, part.problemsOf(swapped), isFar ? `removed ${first}-${last}, ${both}` : both);
      // The whole log says the same, but that nothing else is missing.
      if (tried % 499 === 0) expect(named(problemsOf(swap(read, one, other)))).toBe(both);
      tried++;
    }
  }
  expect(misses).toEqual([]);
  expect(tried).toBe((read.length * (read.length - 1)) / 2);
});
