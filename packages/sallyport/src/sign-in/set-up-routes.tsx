import { checkToken, type Form, readForm } from "./form.js";
import {
  type Carried,
  carriedFields,
  carriedQuery,
  destination,
  field,
  isForAccount,
  type Kit,
  type Page,
  type PageRow,
  purposeOf,
} from "./kit.js";
import { type Problem, respond, seeOther } from "./page.js";
import { hashPassword, passwordProblem } from "./password.js";
import { hasCredential, type SignedIn } from "./sessions.js";
import { SetUpPage } from "./set-up-page.js";
import { readTicket, withTicket } from "./tickets.js";

/*
 * The step after a one-time code. It lies below /account because a session for /account is a cookie of that path; the session of an
 * authorization reaches it too.
 */
export const SET_UP_ROUTES: readonly PageRow[] = [
  { method: "GET", path: "/account/set-up", page: showSetUp },
  { method: "POST", path: "/account/set-up/password", page: setUpBy(withPassword) },
  { method: "POST", path: "/account/set-up/passkey", page: setUpBy(withPasskey) },
];

type SetUp = (kit: Kit, who: SignedIn, form: Form) => Promise<Problem | undefined>;

async function showSetUp(kit: Kit, request: Request): Promise<Response> {
  const carried = kit.parseCarried(new URL(request.url).searchParams);
  const who = await kit.sessions.find(request, purposeOf(kit, carried));
  const ticket = readTicket(request);
  return who === undefined || ticket === undefined
    ? toSignIn(kit, carried)
    : renderSetUp(kit, who, { carried, ticket });
}

interface Shown {
  readonly carried: Carried;
  readonly ticket: string | undefined;
  readonly problem?: Problem;
}

async function renderSetUp(
  kit: Kit,
  { user, session }: SignedIn,
  { carried, ticket, problem }: Shown,
): Promise<Response> {
  const page = (
    <SetUpPage
      site={kit.site}
      userName={user.name}
      carried={{ ...carriedFields(carried, session.csrf_secret), ticket }}
      passkey={kit.site.passkeys ? await kit.passkeys.startRegistration(session.csrf_secret, user) : undefined}
      problem={problem}
      skipTo={(await hasCredential(kit.storage, user)) ? destination(kit, carried) : undefined}
    />
  );
  return respond(page, { status: problem === undefined ? 200 : 422 });
}

function setUpBy(setUp: SetUp): Page {
  return async (kit, request) => {
    const form = await readForm(request, kit.site);
    const carried = kit.parseCarried(form);
    const who = await kit.sessions.find(request, purposeOf(kit, carried));
    if (who === undefined) return toSignIn(kit, carried);
    checkToken(form, who.session.csrf_secret);
    if (!(await kit.tickets.take(form.get("ticket"), who.user.sub))) return toSignIn(kit, carried);
    const problem = await setUp(kit, who, form);
    const ticket = await kit.tickets.issue(who.session);
    if (problem !== undefined) return renderSetUp(kit, who, { carried, ticket, problem });
    // What the session may do has changed, and older ones may have been made with lost credentials.
    const cookie = await kit.sessions.restart(request, who.session);
    const next = destination(kit, carried);
    return seeOther(isForAccount(kit, carried) ? withTicket(next, ticket) : next, [cookie]);
  };
}

async function withPassword(kit: Kit, { user }: SignedIn, form: Form): Promise<Problem | undefined> {
  const password = field(form, "password");
  const text = passwordProblem(password, user.name);
  if (text !== undefined) return { field: "new-password", text };
  await kit.storage.users.update(user.sub, { password_hash: await hashPassword(password) });
  return undefined;
}

async function withPasskey(kit: Kit, { user, session }: SignedIn, form: Form): Promise<Problem | undefined> {
  const answer = { user, credential: field(form, "credential"), label: "First passkey" };
  const stored = await kit.passkeys.register(session.csrf_secret, field(form, "nonce"), answer);
  return stored ? undefined : { text: "The passkey could not be stored. Try again, or set a password." };
}

export function setUpPath(kit: Kit, carried: Carried): string {
  return `${kit.site.prefix}/account/set-up${carriedQuery(carried)}`;
}

export function toSignIn(kit: Kit, carried: Carried): Response {
  return seeOther(`${kit.site.prefix}/sign-in${carriedQuery(carried)}`);
}
