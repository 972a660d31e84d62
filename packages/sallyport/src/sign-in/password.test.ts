import { hash } from "@node-rs/argon2";
import { describe, expect, it } from "vitest";
import { hashPassword, passwordProblem, verifyPassword } from "./password.js";

const GOOD = "violet kettle answers twice";

describe("a new password", () => {
  it.each([
    GOOD,
    "pässwörter-sind-lästig",
    "correct donkey battery",
    "12 mal 7 ist 84!",
    "x9$Lm2!vQw7z",
    "丘の上の古い灯台は今夜も光る",
  ])("may be %j: nothing is asked of its composition", (password) =>
    expect(passwordProblem(password, "alice")).toBeUndefined(),
  );

  it.each([
    ["shorter than 12 characters", "elevenchars"],
    ["twelve UTF-16 units, but six characters", "🙂😀😇🥳🤖👾"],
    ["longer than 256 characters", "ab1".repeat(100)],
    ["common", "passwordpassword"],
    ["common with signs around it", "!!Password1234"],
    ["common with spaces", "correct horse battery staple"],
    ["a walk over the keyboard", "1qaz2wsx3edc"],
    ["one character again and again", "aaaaaaaaaaaaaaa"],
    ["a short piece again and again", "abc1abc1abc1"],
    ["a run of digits", "123456789012"],
    ["a run of letters", "abcdefghijklm"],
    ["the user's name and little more", "alice1234567"],
    ["the user's name in full-width letters", "ａｌｉｃｅ1234567"],
    ["the product's name", "SallyPort2026"],
  ])("is refused when it is %s", (_, password) => {
    expect(passwordProblem(password, "alice")).toMatch(/^(Use at|This password)/);
  });
});

describe("a stored password", () => {
  it("is argon2id with 19 MiB and two passes, salted", async () => {
    const [one, other] = await Promise.all([hashPassword(GOOD), hashPassword(GOOD)]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(one).not.toBe(other);
  });

  it("opens to the same characters in another encoding, and to nothing else", async () => {
    const stored = await hashPassword("Café au lait à minuit");
    expect(await verifyPassword("Café au lait à minuit".normalize("NFD"), stored)).toEqual({
      right: true,
      upgraded: undefined,
    });
    for (const wrong of ["café au lait à minuit", "", "x".repeat(2000)]) {
      expect((await verifyPassword(wrong, stored)).right).toBe(false);
    }
  });

  it("is never opened where there is none, not even by the password of the decoy", async () => {
    for (const password of ["no password at all", "", GOOD]) {
      expect(await verifyPassword(password, undefined)).toEqual({ right: false, upgraded: undefined });
    }
  });

  it("is hashed anew when it was made at a lower cost", async () => {
    const weak = await hash(GOOD, { memoryCost: 8192, timeCost: 1, parallelism: 1 });
    const { right, upgraded } = await verifyPassword(GOOD, weak);
    expect(right).toBe(true);
    expect(await verifyPassword(GOOD, upgraded)).toEqual({ right: true, upgraded: undefined });
    expect((await verifyPassword("wrong password", weak)).upgraded).toBeUndefined();
  });

  it("that is damaged opens to nothing", async () => {
    expect(await verifyPassword(GOOD, "$argon2id$damaged")).toEqual({ right: false, upgraded: undefined });
  });
});
