import { type Carried, destination, formSecret, isForAccount, type Kit } from "./kit.js";

/** Where sign-out leads: back to the authorization, which asks for sign-in again; from the account page to the sign-in page. */
export function afterSignOut(kit: Kit, carried: Carried): string {
  return isForAccount(kit, carried) ? `${kit.site.prefix}/sign-in?signed_out` : destination(kit, carried);
}

/** After our own sign-out: the way to the provider's, and what this browser needs to be recognised when it comes back. */
export async function signOutElsewhere(
  kit: Kit,
  request: Request,
  carried: Carried,
): Promise<{ readonly url: string; readonly cookie: string | undefined } | undefined> {
  const { secret, cookie } = formSecret(kit, request);
  const flow = kit.foreignFlows.begin(secret, false);
  const url = await kit.idp?.logoutUrl(flow.state);
  if (url === undefined) return undefined;
  await kit.foreignFlows.save(secret, flow, { returnTo: carried.returnTo, flow: carried.flow });
  return { url: url.href, cookie };
}
