import { FEDERATION_ERRORS, FederationError, type ForeignIdentity, type RelyingParty } from "../federation/index.js";
import { BACKCHANNEL_LOGOUT_PATH, endSignedOut, foreignLogout, refuseSignedOut } from "./foreign-logout.js";
import { afterSignOut } from "./foreign-sign-out.js";
import { checkToken, readForm } from "./form.js";
import { sha256 } from "./hash.js";
import { type Carried, destination, type Kit, type PageRow, purposeOf } from "./kit.js";
import { continuePage } from "./message-page.js";
import { PageRefusal } from "./refusal.js";
import { showSignIn } from "./sign-in-routes.js";
import type { User } from "./storage.js";
import { newUser } from "./users.js";

/** Paths below the public URL that are registered with the identity provider. */
export const CALLBACK_PATH = "/sign-in/oidc/callback";
export const SIGNED_OUT_PATH = "/sign-in/oidc/signed-out";

/*
 * Signing in elsewhere. Nobody is ever sent on without pressing the button of our own page, and whoever comes back meets our own consent
 * page before a client gets anything: what the identity provider agreed to on their behalf does not count here.
 */
export const FOREIGN_ROUTES: readonly PageRow[] = [
  { method: "POST", path: "/sign-in/oidc", page: start },
  { method: "GET", path: CALLBACK_PATH, page: finish },
  { method: "GET", path: SIGNED_OUT_PATH, page: signedOut },
  { method: "POST", path: BACKCHANNEL_LOGOUT_PATH, page: foreignLogout },
];

function providerOf({ idp }: Kit): RelyingParty {
  if (idp === undefined) throw new PageRefusal("unknown_page");
  return idp;
}

async function start(kit: Kit, request: Request): Promise<Response> {
  const idp = providerOf(kit);
  const form = await readForm(request, kit.site);
  const secret = kit.cookies.read(request, "form");
  checkToken(form, secret);
  const carried = kit.parseCarried(form);
  await kit.limit.count("page", kit.address(request));
  const flow = kit.foreignFlows.begin(secret ?? "", carried.fresh === true);
  try {
    const url = await idp.start(flow);
    await kit.foreignFlows.save(secret ?? "", flow, { returnTo: carried.returnTo, flow: carried.flow });
    return continuePage(kit.site, url.href);
  } catch (error) {
    return explain(kit, request, { error, carried });
  }
}

async function finish(kit: Kit, request: Request): Promise<Response> {
  const idp = providerOf(kit);
  const { searchParams, search } = new URL(request.url);
  const states = searchParams.getAll("state");
  const secret = kit.cookies.read(request, "form");
  const found = states.length === 1 ? await kit.foreignFlows.take(secret, states[0]) : undefined;
  if (found === undefined) throw new PageRefusal("foreign_stale");
  const { flow, remembered } = found;
  // Checked when the flow began, and sealed since.
  const carried: Carried = { returnTo: remembered.returnTo, flow: remembered.flow };
  try {
    const identity = await idp.finish(search, flow);
    await refuseSignedOut(kit, identity, flow.started);
    const user = await admit(kit, identity);
    if (identity.tokens !== undefined) await kit.kept?.keep(user.sub, identity.tokens);
    // Many people share one address; whoever gets in costs it nothing.
    await kit.limit.refund("page", kit.address(request));
    const cookie = await kit.sessions.start(request, {
      sub: user.sub,
      purpose: purposeOf(kit, carried),
      pending_id: carried.flow,
    });
    await endSignedOut(kit, identity, { sub: user.sub, started: flow.started });
    // Not a redirect: on the way from another site a Strict cookie would be left out.
    return continuePage(kit.site, destination(kit, carried), [cookie]);
  } catch (error) {
    return explain(kit, request, { error, carried: { ...carried, fresh: remembered.fresh } });
  }
}

/** (issuer, subject) is who they are. A name or mail address that somebody here has too makes no link: it is only shown. */
async function admit({ storage, system }: Kit, identity: ForeignIdentity): Promise<User> {
  const { issuer, subject, name, roles, sid } = identity;
  const newcomer = newUser(system, { name: foreignUserName(name, system.randomBytes(5)), roles: [], owner: false });
  const sid_hash = sid === undefined ? undefined : sha256(sid);
  const seen = { issuer, subject, name, roles, roles_at: system.now(), sid_hash };
  const user = await storage.identities.signIn(seen, newcomer);
  if (user.disabled) throw new PageRefusal("account_disabled");
  system.log("info", "signed in", { method: "oidc", sub: user.sub, roles });
  return user;
}

/** `alice~k3v9x0q2`: readable, and never a name that an operator could have given, since those have no `~`. */
export function foreignUserName(name: string | undefined, random: Uint8Array): string {
  const plain = (name ?? "").normalize("NFKC").toLowerCase().split("@")[0] ?? "";
  const readable = plain.replace(/[^\p{L}\p{N}._-]+/gu, "").replace(/^[^\p{L}\p{N}]+/u, "");
  const suffix = [...random].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${[...readable].slice(0, 40).join("") || "user"}~${suffix}`;
}

interface Failed {
  readonly error: unknown;
  readonly carried: Carried;
}

/** The sign-in page again, with what went wrong and the way on kept. Nobody is signed in. */
async function explain(kit: Kit, request: Request, { error, carried }: Failed): Promise<Response> {
  if (!(error instanceof FederationError)) throw error;
  const { status, text } = FEDERATION_ERRORS[error.reason];
  kit.system.log("warn", "sign-in refused", { method: "oidc", reason: error.message });
  const problem = { text: `${text(kit.idp?.label ?? "")} (${error.reason})` };
  return showSignIn(kit, request, { carried, again: { problem, status, userName: undefined } });
}

async function signedOut(kit: Kit, request: Request): Promise<Response> {
  providerOf(kit);
  const state = new URL(request.url).searchParams.get("state") ?? undefined;
  const found = await kit.foreignFlows.take(kit.cookies.read(request, "form"), state);
  const { returnTo, flow } = found?.remembered ?? {};
  return continuePage(kit.site, afterSignOut(kit, { returnTo, flow }));
}
