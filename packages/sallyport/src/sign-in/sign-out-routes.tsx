import { checkToken, readForm } from "./form.js";
import { carriedFields, carriedQuery, destination, isForAccount, type Kit, type PageRow, purposeOf } from "./kit.js";
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
  if (who === undefined) return seeOther(afterwards(kit, carried));
  return respond(
    <Shell site={site} title="Sign out">
      <h1>Sign out?</h1>
      <p>
        You are signed in as <strong>{who.user.name}</strong>. Programs that you gave access keep it; the account page
        is where you end that.
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
  return seeOther(afterwards(kit, carried), [await sessions.end(request, purpose)]);
}

/** Back to the authorization, which asks for sign-in again; from the account page to the sign-in page. */
function afterwards(kit: Kit, carried: Parameters<typeof destination>[1]): string {
  return isForAccount(kit, carried) ? `${kit.site.prefix}/sign-in?signed_out` : destination(kit, carried);
}
