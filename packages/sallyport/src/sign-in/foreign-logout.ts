import { OAuthError } from "@sallyport/auth";
import { type ForeignIdentity, type ForeignLogout, LogoutTokenError } from "../federation/index.js";
import { readMachineForm } from "./form.js";
import { sha256 } from "./hash.js";
import type { Kit } from "./kit.js";
import { PageRefusal } from "./refusal.js";

/** Registered with the identity provider; below the public URL. */
export const BACKCHANNEL_LOGOUT_PATH = "/sign-in/oidc/backchannel-logout";

/** Seconds by which the provider's clock may be behind. */
const CLOCK_SKEW = 60;

/**
 * OpenID Connect Back-Channel Logout 1.0 §2.5 to §2.8: the provider says that somebody has signed out, and everything that this person
 * has here ends: browsers, tokens, grants, also where only one session of the provider is named, since none of them knows which one it came
 * from. Called by a machine: no cookie and no page is involved. Whether the person was ever here is not told.
 */
export async function foreignLogout(kit: Kit, request: Request): Promise<Response> {
  const { idp, logout, storage, system } = kit;
  if (idp === undefined || logout === undefined) throw new PageRefusal("unknown_page");
  await kit.limit.count("logout", kit.address(request));
  try {
    const said = await idp.verifyLogout(await readLogoutToken(request));
    const { jti, issued, expires } = said;
    await whom(storage, idp.issuer, said);
    // What began later was signed in anew, so that a token that is brought again ends nothing of it.
    const until = () => Math.min(system.now(), issued + CLOCK_SKEW);
    // Remembered before anybody is looked up: a sign-in that ends meanwhile either is found here, or finds this (`endSignedOut`).
    for (const who of hashesOf(said)) await storage.identities.signedOut(idp.issuer, who, until());
    for (const sub of await whom(storage, idp.issuer, said)) await endAll(kit, sub, until() + 1);
    // Last: if the store fails before, the provider may send the same token again, and nothing stays alive.
    if (!(await logout.recordOnce(`${idp.issuer} ${jti}`, expires))) return refuse("It was used before.");
    return new Response(null, { status: 200, headers: { "cache-control": "no-store" } });
  } catch (error) {
    if (error instanceof OAuthError) return unavailable();
    if (!(error instanceof LogoutTokenError)) throw error;
    system.log("warn", "logout token refused", { reason: error.message });
    return refuse("The logout token is not valid.");
  }
}

async function endAll({ kept, logout, storage, system }: Kit, sub: string, before: number): Promise<void> {
  const sessions = await logout?.endAccess(sub, before);
  await storage.browserSessions.endAll(sub, before);
  await kept?.end(sub, before);
  system.log("info", "signed out by the identity provider", { sub, sessions });
}

/** What a sign-out is remembered by: the session of the provider, the person there, or both. */
function hashesOf({ subject, sid }: Pick<ForeignLogout, "subject" | "sid">): readonly string[] {
  return [...(sid === undefined ? [] : [sidHash(sid)]), ...(subject === undefined ? [] : [subjectHash(subject)])];
}

const sidHash = (sid: string) => sha256(`sid ${sid}`);
const subjectHash = (subject: string) => sha256(`sub ${subject}`);

type Returning = Pick<ForeignIdentity, "issuer" | "subject" | "sid">;

/** Whether the provider has signed out, since this sign-in began, the session it comes from or the person. */
async function isSignedOut(
  { storage: { identities } }: Kit,
  { issuer, subject, sid }: Returning,
  started: number,
): Promise<boolean> {
  // Who begins again within the same second is a person again at once, but no session begins again after its end.
  const ofSession = sid === undefined ? undefined : await identities.lastSignOut(issuer, sidHash(sid));
  const ofPerson = await identities.lastSignOut(issuer, subjectHash(subject));
  return (ofSession ?? 0) >= started || (ofPerson ?? 0) > started;
}

/**
 * Whoever comes back from the provider may have been signed out there on the way, when nobody here knew yet whom that was about. Asked
 * first, when this sign-in has made nothing: what somebody has begun since then is none of its business.
 * @throws PageRefusal `foreign_signed_out`
 */
export async function refuseSignedOut(kit: Kit, identity: Returning, started: number): Promise<void> {
  if (await isSignedOut(kit, identity, started)) throw new PageRefusal("foreign_signed_out");
}

/**
 * The same asked last, when all that the sign-in makes is made, for a message that came in between: then all of it ends, as it would have if the
 * message had come a moment later.
 * @throws PageRefusal `foreign_signed_out`
 */
export async function endSignedOut(
  kit: Kit,
  identity: Returning,
  { sub, started }: { readonly sub: string; readonly started: number },
): Promise<void> {
  if (!(await isSignedOut(kit, identity, started))) return;
  await endAll(kit, sub, kit.system.now() + 1);
  throw new PageRefusal("foreign_signed_out");
}

/**
 * Who is meant. §2.4: `sub`, `sid`, or both; where both are given they must be of one person, unless that session was never seen here.
 * @throws LogoutTokenError where they are not
 */
async function whom(
  { identities }: Kit["storage"],
  issuer: string,
  { subject, sid }: ForeignLogout,
): Promise<readonly string[]> {
  const holders = sid === undefined ? [] : await identities.ofSession(issuer, sha256(sid));
  if (subject === undefined) return holders;
  const sub = await identities.find(issuer, subject);
  if (holders.length > 0 && (sub === undefined || !holders.includes(sub))) {
    throw new LogoutTokenError("its session is of somebody else than its subject");
  }
  return sub === undefined ? [] : [sub];
}

async function readLogoutToken(request: Request): Promise<string> {
  const token = (await readMachineForm(request)).get("logout_token");
  if (token === undefined) throw new LogoutTokenError("there is none");
  return token;
}

/** §2.8. */
function refuse(error_description: string): Response {
  return answer(400, { error: "invalid_request", error_description });
}

/** Not the provider's fault: it may send the same token again. */
function unavailable(): Response {
  return answer(503, { error: "temporarily_unavailable" }, { "retry-after": "5" });
}

function answer(status: number, body: object, headers: Readonly<Record<string, string>> = {}): Response {
  return Response.json(body, { status, headers: { "cache-control": "no-store", ...headers } });
}
