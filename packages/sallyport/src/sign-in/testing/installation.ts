import type { PendingAuthorization } from "@sallyport/auth/authorization-server";
import { createTestSystem, type TestSystem } from "@sallyport/auth/testing";
import { createSignIn, type SignInOptions } from "../index.js";
import type { PageRow } from "../kit.js";
import { createUsers } from "../users.js";
import { createTestBrowser, type Page, type TestBrowser } from "./browser.js";
import { createMemorySignInStorage } from "./memory-storage.js";

export const PASSWORD = "violet kettle answers twice";
export const RETURN = "/consent?request=p1";

/** The sign-in pages over memory, with a clock that stands still and any number of browsers. */
export function createInstallation(
  options: Partial<Omit<SignInOptions, "system">> & { readonly publicUrl?: string; readonly system?: TestSystem } = {},
  pages: readonly PageRow[] = [],
) {
  const publicUrl = options.publicUrl ?? "http://localhost:4000";
  const storage = createMemorySignInStorage();
  const system = options.system ?? createTestSystem();
  const signIn = createSignIn({ storage, ...options, system, publicUrl }, pages);
  const users = createUsers(storage, system);
  const newBrowser = () => createTestBrowser(new URL(publicUrl).origin, (request) => signIn.app.fetch(request));
  return {
    publicUrl,
    storage,
    system,
    signIn,
    users,
    newBrowser,
    browser: newBrowser(),
    /** What the authorization server asks when `browser` is at the consent page of authorization `id`. */
    currentUser: (browser: TestBrowser, id = "p1", pending: Partial<PendingAuthorization> = {}) =>
      signIn.currentUser(browser.request("/consent"), {
        returnTo: `${publicUrl}/consent?request=${id}`,
        pending: { id, prompt: undefined, created: system.now(), ...pending } as PendingAuthorization,
        client: {} as never,
      }),
    /** A person with a password. */
    addPerson: async (name: string) => {
      const { user, code } = await users.addUser(name);
      const browser = newBrowser();
      const page = await browser.submit(await browser.get("/sign-in"), "/sign-in/code", { code: code.code });
      await browser.submit(await browser.get(page.location), "/password", { password: PASSWORD });
      return { user, browser };
    },
  };
}

export type Installation = ReturnType<typeof createInstallation>;

/** Where the redirect of {@link SignIn.currentUser} points to. */
export function sentTo(answer: unknown): string {
  if (!(answer instanceof Response)) throw new Error(`not sent anywhere: ${JSON.stringify(answer)}`);
  return answer.headers.get("location") ?? "";
}

export async function signInByPassword(
  browser: TestBrowser,
  name: string,
  { password = PASSWORD, from = "/sign-in" }: { readonly password?: string; readonly from?: string } = {},
): Promise<Page> {
  return browser.submit(await browser.get(from), "/sign-in/password", { username: name, password });
}
