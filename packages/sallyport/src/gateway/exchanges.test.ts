import type { Principal } from "@sallyport/auth";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Cut, Exchanges, type OpenExchange } from "./exchanges.js";

function exchange(standing = false): OpenExchange & { cuts: Cut[] } {
  const cuts: Cut[] = [];
  const principal = { sid: "s", exp: 0 } as Principal;
  return { principal, resource: "r", standing, place: -1, cuts, cut: (why) => cuts.push(why) };
}

test("holds exactly what was added and not deleted, whatever the order, and deletes twice without harm", () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(15)), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (all) => {
      const exchanges = new Exchanges();
      const known = Array.from({ length: 16 }, () => exchange());
      const open = new Set<OpenExchange>();
      for (const [add, index] of all) {
        const one = known[index];
        if (one === undefined) continue;
        if (!add) exchanges.delete(one);
        else if (!open.has(one)) exchanges.add(one);
        if (add) open.add(one);
        else open.delete(one);
      }
      expect(exchanges.size).toBe(open.size);
      exchanges.cutAll("all");
      for (const one of known) expect(one.cuts).toEqual(open.has(one) ? ["closing"] : []);
    }),
  );
});

test("lets exchanges go while it cuts them, and misses none", () => {
  const exchanges = new Exchanges();
  const all = Array.from({ length: 5 }, () => exchange(true));
  for (const one of all) {
    const { cut } = one;
    one.cut = (why) => {
      cut(why);
      exchanges.delete(one);
    };
    exchanges.add(one);
  }
  exchanges.cutAll("standing");
  expect(all.map(({ cuts }) => cuts)).toEqual(all.map(() => ["closing"]));
  expect(exchanges.size).toBe(0);
});
