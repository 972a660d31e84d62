import { checkToken, type Form, readForm } from "./form.js";
import {
  type Carried,
  carriedFields,
  carriedQuery,
  destination,
  field,
  type Kit,
  type Page,
  type PageRow,
  purposeOf,
} from "./kit.js";
import { type Problem, respond, seeOther } from "./page.js";
import { hashPassword, passwordProblem } from "./password.js";
import { hasCredential, isRecent, type SignedIn } from "./sessions.js";
import { SetUpPage } from "./set-up-page.js";

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
  if (who === undefined || !isRecent(who.session, kit.system.now())) return toSignIn(kit, carried);
  return renderSetUp(kit, who, { carried });
}

async function renderSetUp(
  kit: Kit,
  { user, session }: SignedIn,
  { carried, problem }: { readonly carried: Carried; readonly problem?: Problem },
): Promise<Response> {
  const page = (
    <SetUpPage
      site={kit.site}
      userName={user.name}
      carried={carriedFields(carried, session.csrf_secret)}
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
    const purpose = purposeOf(kit, carried);
    const who = await kit.sessions.find(request, purpose);
    if (who === undefined || !isRecent(who.session, kit.system.now())) return toSignIn(kit, carried);
    checkToken(form, who.session.csrf_secret);
    const problem = await setUp(kit, who, form);
    if (problem !== undefined) return renderSetUp(kit, who, { carried, problem });
    // What the session may do has changed, and older ones may have been made with lost credentials.
    return seeOther(destination(kit, carried), [await kit.sessions.restart(request, who.session)]);
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
