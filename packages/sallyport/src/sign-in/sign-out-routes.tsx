import { afterSignOut, signOutElsewhere } from "./foreign-sign-out.js";
import { checkToken, readForm } from "./form.js";
import { carriedFields, carriedQuery, isForAccount, type Kit, type PageRow, purposeOf } from "./kit.js";
import { continuePage } from "./message-page.js";
import { Hidden, respond, Shell, seeOther } from "./page.js";

/** A session for /account is a cookie of that path, so there are two addresses with the same page. */
export const SIGN_OUT_ROUTES: readonly PageRow[] = ["/sign-out", "/account/sign-out"].flatMap((path): PageRow[] => [
  { method: "GET", path, page: askSignOut },
  { method: "POST", path, page: signOut },
]);

async function askSignOut(kit: Kit, request: Request): Promise<Response> {
  const { site, sessions } = kit;
  const url = new URL(request.url);
  const carried = kit.parseCarried(url.searchParams);
  const path = `${site.prefix}${isForAccount(kit, carried) ? "/account" : ""}/sign-out`;
  if (url.pathname !== path) return seeOther(path + carriedQuery(carried));
  const who = await sessions.find(request, purposeOf(kit, carried));
  if (who === undefined) return seeOther(afterSignOut(kit, carried));
  return respond(
    <Shell site={site} title="Sign out">
      <h1>Sign out?</h1>
      <p>
        You are signed in as <strong>{who.user.name}</strong>. Programs that you gave access keep it; the account page
        is where you end that.
        {kit.kept === undefined
          ? null
          : ` What was kept of your sign-in at ${kit.idp?.label ?? "your identity provider"} ends: calls that need it ask you to sign in again.`}
      </p>
      <form method="post" action={path}>
        <Hidden values={carriedFields(carried, who.session.csrf_secret)} />
        <div class="actions">
          <button class="primary" type="submit">
            Sign out
          </button>
          <a class="button" href={carried.returnTo ?? `${site.prefix}/account`}>
            Back
          </a>
        </div>
      </form>
    </Shell>,
  );
}

async function signOut(kit: Kit, request: Request): Promise<Response> {
  const { site, sessions } = kit;
  const form = await readForm(request, site);
  const carried = kit.parseCarried(form);
  const purpose = purposeOf(kit, carried);
  const who = await sessions.find(request, purpose);
  if (who !== undefined) checkToken(form, who.session.csrf_secret);
  const cookie = await sessions.end(request, purpose);
  if (who !== undefined) await kit.kept?.end(who.user.sub);
  const foreign = who !== undefined && (await kit.storage.identities.list(who.user.sub)).length > 0;
  const there = foreign ? await signOutElsewhere(kit, request, carried) : undefined;
  return there === undefined
    ? seeOther(afterSignOut(kit, carried), [cookie])
    : continuePage(site, there.url, [cookie, there.cookie]);
}
