import type { ForeignIdp } from "../../packages/sallyport/src/federation/testing/foreign-idp.js";
import type { TestBrowser } from "../../packages/sallyport/src/sign-in/testing/browser.js";
import type { Store } from "../../packages/sallyport/src/stores/store.js";
import type { Visits } from "./visits.js";

export interface NewPerson {
  /** Who it is at the identity provider. */
  readonly account: string;
  /** Who it is here. */
  readonly sub: string;
  readonly browser: TestBrowser;
  readonly access_token: string;
}

export interface Where {
  readonly visits: Visits;
  readonly idp: Pick<ForeignIdp, "people">;
  readonly store: Store;
  /** The server that the program may use. */
  readonly server: string;
}

let count = 0;
/** Somebody new of the provider's group `staff`, who has signed in and given a program access to a server. */
export async function newPersonAt({ visits, idp, store, server }: Where): Promise<NewPerson> {
  count += 1;
  const account = `p${count}`;
  idp.people.set(account, { preferred_username: account, groups: ["staff"] });
  const asked = await visits.ask(account, await visits.register("Agent"), { server });
  const { access_token } = await visits.approve(asked);
  const user = (await store.users.list()).find(({ name }) => name.startsWith(`${account}~`));
  return { account, sub: user?.sub ?? "", browser: asked.browser, access_token };
}
