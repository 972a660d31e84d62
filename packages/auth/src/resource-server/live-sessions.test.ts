import { expect, test } from "vitest";
import type { Principal } from "../core/principal.js";
import { liveSessions } from "./live-sessions.js";

const SESSION = { sub: "ada", expires: 200, revoked: undefined };
const who = (sid: string | undefined, sub = "ada") => ({ sid, sub }) as Principal;
const ask = liveSessions(
  {
    find: async (id) => {
      if (id === "silent") throw new Error("no store");
      return { good: SESSION, ended: { ...SESSION, revoked: 90 } }[id];
    },
  },
  ["notes:write"],
);

test.each([
  ["a session", who("good"), 100, "live"],
  ["one that was revoked", who("ended"), 100, "revoked"],
  ["one past its end", who("good"), 200, "revoked"],
  ["one that there is not", who("none"), 100, "revoked"],
  ["another person's", who("good", "eve"), 100, "revoked"],
  ["a token without a session", who(undefined), 100, "revoked"],
  ["a store that does not answer", who("silent"), 100, "unknown"],
])("%s", async (_, principal, now, status) => {
  expect(await ask(principal, now)).toMatchObject({ status });
});

test("the same arrays come back, so that nothing is made anew at each call", async () => {
  expect(await ask(who("good"), 100)).toBe(await ask(who("good"), 101));
});
