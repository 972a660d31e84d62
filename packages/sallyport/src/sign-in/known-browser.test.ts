import { beforeEach, describe, expect, test } from "vitest";
import { createInstallation, type Installation, signInByPassword } from "./testing/installation.js";

let address: string;
const remoteAddress = () => address;

/** Ten wrong passwords for `name`, each from an address of its own; then what the eleventh gets. */
async function attack(here: Installation, name: string): Promise<number> {
  for (let count = 0; count < 10; count++) {
    address = `198.51.100.${count}`;
    await signInByPassword(here.newBrowser(), name, { password: `wrong password ${count}` });
  }
  address = "198.51.100.99";
  return (await signInByPassword(here.newBrowser(), name, { password: "wrong password" })).status;
}

beforeEach(() => {
  address = "192.0.2.1";
});

describe("ratelimit-none: a lock-out that cannot be turned against a victim", () => {
  test("strangers use up their own tries: a browser in which the password was right goes on", async () => {
    const here = createInstallation({ publicUrl: "https://auth.example", remoteAddress });
    const { browser } = await here.addPerson("sam");
    await signInByPassword(browser, "sam");
    expect(await attack(here, "sam")).toBe(429);
    address = "192.0.2.1";
    expect((await signInByPassword(browser, "sam")).status).toBe(303);
    // The way in did not open for strangers with it.
    address = "198.51.100.100";
    expect((await signInByPassword(here.newBrowser(), "sam")).status).toBe(429);
  });

  test("a known browser has ten tries too", async () => {
    const here = createInstallation({ publicUrl: "https://auth.example", remoteAddress });
    const { browser } = await here.addPerson("sam");
    await signInByPassword(browser, "sam");
    const statuses: number[] = [];
    for (let count = 0; count < 11; count++) {
      address = `192.0.2.${count}`;
      statuses.push((await signInByPassword(browser, "sam", { password: "wrong password" })).status);
    }
    expect(statuses).toEqual([...Array(10).fill(403), 429]);
  });

  test("what it holds is another person's nothing, nobody's after a new password, and opens nothing", async () => {
    const here = createInstallation({ publicUrl: "https://auth.example", remoteAddress });
    const { user, browser } = await here.addPerson("sam");
    const eve = await here.addPerson("eve");
    for (const [who, name] of [
      [browser, "sam"],
      [eve.browser, "eve"],
    ] as const)
      await signInByPassword(who, name);
    const mark = browser.cookies.get("__Host-sallyport-known");
    expect(mark?.line).toMatch(/; Path=\/; Max-Age=15552000; HttpOnly; SameSite=Strict; Secure$/);
    expect(mark?.value).not.toContain(user.sub);
    expect(await attack(here, "sam")).toBe(429);
    expect((await signInByPassword(eve.browser, "sam")).status).toBe(429);
    await here.storage.users.update(user.sub, { password_hash: undefined });
    expect((await signInByPassword(browser, "sam")).status).toBe(429);
  });

  test("on plain http there is no such cookie: it would be every port's", async () => {
    const here = createInstallation({ remoteAddress });
    const { browser } = await here.addPerson("sam");
    await signInByPassword(browser, "sam");
    expect([...browser.cookies.keys()].filter((name) => name.includes("known"))).toEqual([]);
  });
});
