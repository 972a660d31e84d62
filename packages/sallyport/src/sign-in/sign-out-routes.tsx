import { checkToken, formToken, readForm } from "./form.js";
import type { Kit, PageRow } from "./kit.js";
import { Hidden, respond, Shell, seeOther } from "./page.js";

/* Below /account, where the cookies of every kind of session can be seen. */
export const SIGN_OUT_ROUTES: readonly PageRow[] = [
  { method: "GET", path: "/sign-out", page: async ({ site }) => seeOther(`${site.prefix}/account/sign-out`) },
  { method: "GET", path: "/account/sign-out", page: askSignOut },
  { method: "POST", path: "/account/sign-out", page: signOut },
];

async function askSignOut(kit: Kit, request: Request): Promise<Response> {
  const { site, sessions } = kit;
  const who = await sessions.find(request, sessions.purpose("account"));
  if (who === undefined) return seeOther(`${site.prefix}/sign-in?signed_out`);
  return respond(
    <Shell site={site} title="Sign out">
      <div class="card">
        <h1>Sign out?</h1>
        <p>{`You are signed in as ${who.user.name}. Programs that you gave access keep it; the account page is where you end that.`}</p>
        <form method="post" action={`${site.prefix}/account/sign-out`} class="actions">
          <Hidden values={{ csrf: formToken(who.session.csrf_secret) }} />
          <button type="submit">Sign out</button>
          <a class="button plain" href={`${site.prefix}/account`}>
            Back
          </a>
        </form>
      </div>
    </Shell>,
  );
}

async function signOut(kit: Kit, request: Request): Promise<Response> {
  const { site, sessions } = kit;
  const form = await readForm(request, site);
  const purpose = sessions.purpose("account");
  const who = await sessions.find(request, purpose);
  if (who !== undefined) checkToken(form, who.session.csrf_secret);
  return seeOther(`${site.prefix}/sign-in?signed_out`, [await sessions.end(request, purpose)]);
}
