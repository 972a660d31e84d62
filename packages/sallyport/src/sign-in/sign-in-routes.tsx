import { hashCode, parseCode } from "./code.js";
import { checkToken, type Form, readForm } from "./form.js";
import {
  type Carried,
  carriedFields,
  destination,
  field,
  formSecret,
  isForAccount,
  type Kit,
  type Page,
  type PageRow,
  purposeOf,
} from "./kit.js";
import { passwordTries, rememberBrowser } from "./known-browser.js";
import { continuePage } from "./message-page.js";
import { type Problem, respond, seeOther } from "./page.js";
import { verifyPassword } from "./password.js";
import { PageRefusal } from "./refusal.js";
import { hasCredential } from "./sessions.js";
import { setUpPath } from "./set-up-routes.js";
import { SignInPage } from "./sign-in-page.js";
import type { User } from "./storage.js";
import { withTicket } from "./tickets.js";
import { normaliseUserName } from "./user-name.js";

export const SIGN_IN_ROUTES: readonly PageRow[] = [
  {
    method: "GET",
    path: "/sign-in",
    page: (kit, request) => showSignIn(kit, request, { carried: kit.parseCarried(new URL(request.url).searchParams) }),
  },
  { method: "GET", path: "/sign-in/continue", page: async (kit, request) => goOn(kit, request) },
  { method: "POST", path: "/sign-in/code", page: signInBy("code", byCode) },
  { method: "POST", path: "/sign-in/password", page: signInBy("password", byPassword) },
  { method: "POST", path: "/sign-in/passkey", page: signInBy("passkey", byPasskey) },
];

type Method = "code" | "password" | "passkey";
/** One way to prove who one is: the person, or the problem to show. It must not tell apart why a proof failed. */
/** `secret`: of the browser that the form was made for. */
type Proof = (
  kit: Kit,
  form: Form,
  from: { readonly secret: string; readonly request: Request },
) => Promise<User | Problem>;

interface Again {
  readonly problem: Problem;
  readonly userName: string | undefined;
  /** Default 403. */
  readonly status?: number;
}

export async function showSignIn(
  kit: Kit,
  request: Request,
  { carried, again }: { readonly carried: Carried; readonly again?: Again },
): Promise<Response> {
  const { site, passkeys } = kit;
  const { secret, cookie } = formSecret(kit, request);
  const first = kit.idp === undefined && !(await isSetUp(kit));
  const offered = site.passkeys && !first && (await mayStartCeremony(kit, request));
  const page = (
    <SignInPage
      site={site}
      first={first}
      hasOwner={kit.hasOwner}
      elsewhere={kit.idp?.label}
      carried={carriedFields(carried, secret)}
      passkey={offered ? await passkeys.startAuthentication(secret) : undefined}
      problem={again?.problem}
      userName={again?.userName}
      notice={noticeOf(kit, new URL(request.url).searchParams)}
    />
  );
  return respond(page, { status: again === undefined ? 200 : (again.status ?? 403), cookies: [cookie] });
}

/** Why somebody is here who did not ask to sign in. */
function noticeOf({ idp }: Kit, query: URLSearchParams): string | undefined {
  if (query.has("signed_out")) return "You are signed out.";
  if (!query.has("needed") || idp === undefined) return undefined;
  return `A program asked for something that is done with your own sign-in at ${idp.label}, and that is over here. Sign in there again, then let the program try once more.`;
}

/** Every challenge is a row in the store, so an address gets only so many; beyond that the page comes without passkeys. */
async function mayStartCeremony(kit: Kit, request: Request): Promise<boolean> {
  return kit.limit.count("page", kit.address(request)).then(
    () => true,
    () => false,
  );
}

const setUp = new WeakSet<Kit>();

/** Whether anybody has a password or passkey yet. Asked of the store until the answer is yes. */
async function isSetUp(kit: Kit): Promise<boolean> {
  if (setUp.has(kit)) return true;
  for (const user of await kit.storage.users.list()) {
    if (await hasCredential(kit.storage, user)) {
      setUp.add(kit);
      return true;
    }
  }
  return false;
}

async function goOn(kit: Kit, request: Request): Promise<Response> {
  const { returnTo } = kit.parseCarried(new URL(request.url).searchParams);
  if (returnTo === undefined) throw new PageRefusal("unknown_page");
  return continuePage(kit.site, returnTo);
}

function signInBy(method: Method, prove: Proof): Page {
  return async (kit, request) => {
    const form = await readForm(request, kit.site);
    const secret = kit.cookies.read(request, "form");
    checkToken(form, secret);
    const carried = kit.parseCarried(form);
    const address = kit.address(request);
    await kit.limit.count("address", address);
    const proven = await prove(kit, form, { secret: secret ?? "", request });
    if (!("sub" in proven)) {
      kit.system.log("warn", "sign-in refused", { method, address });
      return showSignIn(kit, request, { carried, again: { problem: proven, userName: form.get("username") } });
    }
    await kit.limit.refund("address", address);
    kit.system.log("info", "signed in", { method, sub: proven.sub });
    return finish(kit, request, { user: proven, carried, method });
  };
}

async function finish(
  kit: Kit,
  request: Request,
  { user, carried, method }: { readonly user: User; readonly carried: Carried; readonly method: Method },
): Promise<Response> {
  const { sub } = user;
  const cookie = await kit.sessions.start(request, { sub, purpose: purposeOf(kit, carried), pending_id: carried.flow });
  // Whoever needed a code has no other way in, or has lost it.
  const next = method === "code" ? setUpPath(kit, carried) : destination(kit, carried);
  const changes = method === "code" || isForAccount(kit, carried);
  const ticket = changes ? await kit.tickets.issue({ sub, auth_time: kit.system.now() }) : undefined;
  const known = method === "password" ? rememberBrowser(kit, user) : [];
  return seeOther(withTicket(next, ticket), [cookie, ...known]);
}

const WRONG_CODE: Problem = {
  field: "code",
  text: "This code does not work. It may be mistyped, used already or too old. Ask for another one.",
};

async function byCode(kit: Kit, form: Form): Promise<User | Problem> {
  const parsed = parseCode(field(form, "code"));
  if (parsed === undefined) return WRONG_CODE;
  const result = await kit.storage.oneTimeCodes.redeem(parsed.purpose, hashCode(parsed.code), kit.system.now());
  const user = result.status === "right" ? await kit.storage.users.find(result.sub) : undefined;
  return user === undefined || user.disabled ? WRONG_CODE : user;
}

const WRONG_PASSWORD: Problem = { field: "username", text: "User name and password do not match." };

async function byPassword(kit: Kit, form: Form, { request }: Parameters<Proof>[2]): Promise<User | Problem> {
  const name = normaliseUserName(field(form, "username").slice(0, 128));
  const user = await kit.storage.users.findByName(name);
  const tries = passwordTries(kit, request, { name, user });
  await kit.limit.count("name", tries);
  const password = field(form, "password");
  const { right, upgraded } = await verifyPassword(password, user?.password_hash);
  if (user === undefined || !right || user.disabled) return WRONG_PASSWORD;
  await kit.limit.forget("name", tries);
  if (upgraded === undefined) return user;
  await kit.storage.users.update(user.sub, { password_hash: upgraded });
  return { ...user, password_hash: upgraded };
}

const WRONG_PASSKEY: Problem = { text: "This passkey does not open this server. Try again, or use another way." };

async function byPasskey(kit: Kit, form: Form, { secret }: Parameters<Proof>[2]): Promise<User | Problem> {
  const user = await kit.passkeys.authenticate(secret, field(form, "nonce"), field(form, "credential"));
  return user ?? WRONG_PASSKEY;
}
