import type { Kit } from "../sign-in/kit.js";
import { hasCredential, type SignedIn } from "../sign-in/sessions.js";
import { toSignIn } from "../sign-in/set-up-routes.js";

/** Who is signed in for /account and what is below it, or the redirect that asks, and comes back to `path`. */
export async function signedIn(kit: Kit, request: Request, path = "/account"): Promise<SignedIn | Response> {
  const carried = { returnTo: `${kit.site.prefix}${path}`, flow: undefined };
  const who = await kit.sessions.find(request, kit.sessions.purpose("account"));
  if (who === undefined) return toSignIn(kit, carried);
  return (await hasCredential(kit.storage, who.user)) ? who : toSignIn(kit, carried);
}
