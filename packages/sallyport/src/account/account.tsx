import { checkToken, type Form, formToken, readForm } from "../sign-in/form.js";
import { field, type Kit, type PageRow } from "../sign-in/kit.js";
import { type Problem, respond, seeOther } from "../sign-in/page.js";
import { hashPassword, passwordProblem } from "../sign-in/password.js";
import type { SignedIn } from "../sign-in/sessions.js";
import { toSignIn } from "../sign-in/set-up-routes.js";
import { isRecent, readTicket, withTicket } from "../sign-in/tickets.js";
import { AccountPage } from "./account-page.js";
import { type AccountOptions, readOverview } from "./overview.js";
import { signedIn } from "./signed-in.js";

/** What a form of the account page does; a problem is shown on the page, success is said by `notice` after a redirect. */
interface Action {
  readonly path: string;
  readonly notice: string;
  /** Changes of how one signs in: only with the ticket of a recent sign-in, and other browsers are signed out where `endsOthers`. */
  readonly credential?: boolean;
  readonly endsOthers?: boolean;
  readonly act: (use: ActionUse) => Promise<Problem | undefined>;
}

interface ActionUse {
  readonly kit: Kit;
  readonly options: AccountOptions;
  readonly who: SignedIn;
  readonly form: Form;
}

const ACTIONS: readonly Action[] = [
  { path: "/account/sessions/end", notice: "The session has ended.", act: endSession },
  { path: "/account/clients/revoke", notice: "The program has no access any more.", act: revokeClient },
  { path: "/account/revoke-all", notice: "No program has access any more.", act: revokeAll },
  {
    path: "/account/connections/remove",
    notice: "Disconnected here, and there as far as that system lets us.",
    act: disconnect,
  },
  { path: "/account/passkeys/add", notice: "The passkey was added.", credential: true, act: addPasskey },
  {
    path: "/account/passkeys/remove",
    notice: "The passkey was removed.",
    credential: true,
    endsOthers: true,
    act: removePasskey,
  },
  {
    path: "/account/password",
    notice: "The new password is set. Your other browsers are signed out.",
    credential: true,
    endsOthers: true,
    act: changePassword,
  },
];

/** The pages of /account, for `createSignIn(options, accountPages(…))`. Revocations are durable before a page says so. */
export function accountPages(options: AccountOptions): readonly PageRow[] {
  return [
    { method: "GET", path: "/account", page: (kit, request) => show(kit, options, request) },
    ...ACTIONS.map((action) => ({
      method: "POST" as const,
      path: action.path,
      page: (kit: Kit, request: Request) => perform(kit, request, { action, options }),
    })),
  ];
}

async function show(kit: Kit, options: AccountOptions, request: Request): Promise<Response> {
  const who = await signedIn(kit, request);
  if (who instanceof Response) return who;
  const done = new URL(request.url).searchParams.get("done");
  const notice = ACTIONS.find(({ path }) => path === `/account/${done}`)?.notice;
  const recent = isRecent(who.session, kit.system.now());
  return render(kit, options, { who, notice, ticket: recent ? readTicket(request) : undefined });
}

interface Shown {
  readonly who: SignedIn;
  readonly notice?: string | undefined;
  readonly problem?: Problem;
  /** Without one, the page offers no change of credentials. */
  readonly ticket: string | undefined;
}

async function render(kit: Kit, options: AccountOptions, { who, notice, ticket, problem }: Shown): Promise<Response> {
  const { user, session } = who;
  const now = kit.system.now();
  const offered = ticket !== undefined && kit.site.passkeys;
  const page = (
    <AccountPage
      site={kit.site}
      csrf={formToken(session.csrf_secret)}
      now={now}
      user={user}
      passkeys={await kit.storage.users.passkeys(user.sub)}
      ticket={ticket}
      ceremony={offered ? await kit.passkeys.startRegistration(session.csrf_secret, user) : undefined}
      clients={await readOverview(options, user.sub, now)}
      connected={(await options.connections?.list(user.sub)) ?? []}
      notice={notice}
      problem={problem}
      elsewhere={
        (await kit.storage.identities.list(user.sub)).length > 0 ? (kit.idp?.label ?? "another site") : undefined
      }
    />
  );
  return respond(page, { status: problem === undefined ? 200 : 422 });
}

async function perform(
  kit: Kit,
  request: Request,
  { action, options }: { readonly action: Action; readonly options: AccountOptions },
): Promise<Response> {
  const form = await readForm(request, kit.site);
  const who = await signedIn(kit, request);
  if (who instanceof Response) return who;
  const { user, session } = who;
  checkToken(form, session.csrf_secret);
  if (action.credential === true && !(await kit.tickets.take(form.get("ticket"), user.sub))) {
    return toSignIn(kit, { returnTo: `${kit.site.prefix}/account`, flow: undefined });
  }
  const problem = await action.act({ kit, options, who, form });
  const ticket = action.credential === true ? await kit.tickets.issue(session) : form.get("ticket");
  if (problem !== undefined) return render(kit, options, { who, problem, ticket });
  kit.system.log("info", "account changed", { sub: user.sub, action: action.path });
  const done = `${kit.site.prefix}/account?done=${action.path.slice("/account/".length)}`;
  return seeOther(
    withTicket(done, ticket),
    action.endsOthers === true ? [await kit.sessions.restart(request, session)] : [],
  );
}

async function endSession({ kit, options, who, form }: ActionUse): Promise<undefined> {
  // With the subject, so that the id of another person's session ends nothing.
  const selector = { session_id: field(form, "session_id"), sub: who.user.sub };
  await options.storage.sessions.revoke(selector, kit.system.now());
}

async function revokeClient({ kit, options, who, form }: ActionUse): Promise<undefined> {
  const selector = { client_id: field(form, "client_id"), sub: who.user.sub };
  await options.storage.sessions.revoke(selector, kit.system.now());
}

async function disconnect({ options, who, form }: ActionUse): Promise<undefined> {
  await options.connections?.disconnect(who.user.sub, field(form, "connection"));
}

async function revokeAll({ kit, options, who }: ActionUse): Promise<undefined> {
  await options.storage.sessions.revoke({ sub: who.user.sub }, kit.system.now());
}

async function addPasskey({ kit, who, form }: ActionUse): Promise<Problem | undefined> {
  const label =
    field(form, "label")
      .replace(/[\p{C}\s]+/gu, " ")
      .trim()
      .slice(0, 60) || "Passkey";
  const answer = { user: who.user, credential: field(form, "credential"), label };
  const stored = await kit.passkeys.register(who.session.csrf_secret, field(form, "nonce"), answer);
  return stored ? undefined : { text: "The passkey could not be stored. Try again." };
}

async function removePasskey({ kit, who, form }: ActionUse): Promise<Problem | undefined> {
  const { users } = kit.storage;
  const others = (await users.passkeys(who.user.sub)).filter(({ id }) => id !== field(form, "id"));
  if (others.length === 0 && who.user.password_hash === undefined) {
    return { text: "This is your only way to sign in. Add another passkey or a password first." };
  }
  await users.removePasskey(who.user.sub, field(form, "id"));
  return undefined;
}

async function changePassword({ kit, who, form }: ActionUse): Promise<Problem | undefined> {
  const password = field(form, "password");
  const text = passwordProblem(password, who.user.name);
  if (text !== undefined) return { field: "new-password", text };
  await kit.storage.users.update(who.user.sub, { password_hash: await hashPassword(password) });
  return undefined;
}
