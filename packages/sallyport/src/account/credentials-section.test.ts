import { describe, expect, test } from "vitest";
import { createSite } from "../sign-in/site.js";
import type { User } from "../sign-in/storage.js";
import { CredentialsSection } from "./credentials-section.js";

const user: User = {
  sub: "u1",
  name: "alice~3f9c0a1b2c",
  roles: [],
  owner: false,
  disabled: false,
  password_hash: undefined,
  created: 0,
};

const render = (elsewhere: string | undefined, change: Partial<User> = {}, ticket?: string) =>
  String(
    CredentialsSection({
      site: createSite("https://mcp.example.com"),
      csrf: "c",
      now: 0,
      user: { ...user, ...change },
      passkeys: [],
      ticket,
      ceremony: undefined,
      problem: undefined,
      elsewhere,
    }),
  );

describe("How somebody signs in, on the account page", () => {
  test("is with the identity provider, where nothing can be changed here", () => {
    const page = render("<Acme>", {}, "ticket");
    expect(page).toContain("You sign in with &lt;Acme&gt;");
    expect(page).not.toContain("<form");
  });

  test("is with a password too, where the operator has given them a code", () => {
    expect(render("Acme", { password_hash: "$argon2id$" })).toContain("You have a password.");
  });

  test("is by what they have here", () => {
    expect(render(undefined)).toContain("You have no password.");
  });
});
