import type { PendingAuthorization } from "@sallyport/auth/authorization-server";
import { createTestSystem } from "@sallyport/auth/testing";
import { describe, expect, it } from "vitest";
import { createSignIn } from "./sign-in.js";
import { createTestBrowser } from "./testing/browser.js";
import { createMemorySignInStorage } from "./testing/memory-storage.js";
import { createUsers } from "./users.js";

const PASSWORD = "violet kettle answers twice";
const RETURN = "/authorize?client_id=abc&state=x%20y";

function installation(publicUrl = "http://localhost:4000") {
  const storage = createMemorySignInStorage();
  const system = createTestSystem();
  const signIn = createSignIn({ publicUrl, storage, system });
  const users = createUsers(storage, system);
  const browser = createTestBrowser(new URL(publicUrl).origin, (request) => signIn.app.fetch(request));
  return { storage, system, signIn, users, browser };
}

function flow(id: string, returnTo = RETURN, prompt?: string) {
  const pending = { id, prompt, created: 0 } as PendingAuthorization;
  return { returnTo, pending, client: {} as never };
}

describe("sign-in by the owner's code", () => {
  it("signs the owner in once a password is set, and goes back to where the authorization waits", async () => {
    const { signIn, users, browser } = installation();
    const { code } = await users.createOwnerCode();
    const sent = await signIn.currentUser(browser.request(RETURN), flow("p1"));
    expect(sent).toBeInstanceOf(Response);
    const page = await browser.get((sent as Response).headers.get("location") ?? "");
    const setUp = await browser.submit(page, "/sign-in/code", { code: ` ${code.toLowerCase().replaceAll("-", " ")} ` });
    expect(setUp.status).toBe(303);
    expect(await signIn.currentUser(browser.request(RETURN), flow("p1"))).toBeInstanceOf(Response);
    const done = await browser.submit(await browser.get(setUp.location), "/password", { password: PASSWORD });
    expect(done.status).toBe(303);
    const onward = await browser.get(done.location);
    expect(onward.headers.get("refresh")).toBe(`0; url=${RETURN}`);
    expect(await signIn.currentUser(browser.request(RETURN), flow("p1"))).toMatchObject({ name: "owner" });
  });
});
