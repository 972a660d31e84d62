import { describe, expect, test } from "vitest";
import { effectiveRoles } from "./roles.js";

const at = (now: number) => ({ now, maxAge: 100 });

describe("Roles from elsewhere", () => {
  test.each([
    ["count beside a person's own", ["a"], [{ roles: ["b"], roles_at: 50 }], at(60), ["a", "b"], 150],
    ["count to the last second of their age", [], [{ roles: ["b"], roles_at: 50 }], at(149), ["b"], 150],
    ["stop counting at their age", ["a"], [{ roles: ["b"], roles_at: 50 }], at(150), ["a"], undefined],
    ["are once there, however often vouched for", ["a"], [{ roles: ["a"], roles_at: 50 }], at(60), ["a"], 150],
    [
      "end one by one",
      [],
      [
        { roles: ["a"], roles_at: 10 },
        { roles: ["b"], roles_at: 50 },
      ],
      at(60),
      ["a", "b"],
      110,
    ],
    ["have an end even if there are none: who vouched does", ["a"], [{ roles: [], roles_at: 50 }], at(60), ["a"], 150],
    ["set no end when nobody vouched", ["a"], [], at(60), ["a"], undefined],
  ])("%s", (_, own, vouched, when, roles, until) => {
    expect(effectiveRoles(own, vouched, when)).toMatchObject({ roles, until });
  });
});
