import { respond, Shell } from "./page.js";
import type { PageRefusal } from "./refusal.js";
import type { Site } from "./site.js";

/** What a refusal looks like to a person. */
export function refusalPage(site: Site, refusal: PageRefusal): Response {
  const { status, title, text, retryAfter } = refusal;
  const page = (
    <Shell site={site} title={title}>
      <h1>{title}</h1>
      <p>{text}</p>
      {retryAfter === undefined ? null : <p>{`Try again in ${formatWait(retryAfter)}.`}</p>}
      <p>
        <a href={`${site.prefix}/sign-in`}>Go to the sign-in page</a>
      </p>
    </Shell>
  );
  return respond(page, { status, headers: retryAfter === undefined ? {} : { "retry-after": String(retryAfter) } });
}

export function failurePage(site: Site, id: string): Response {
  const page = (
    <Shell site={site} title="Something failed">
      <h1>Something failed on this server</h1>
      <p>Nothing was changed that this page did not confirm. Try again; if it stays, tell the operator this id:</p>
      <p>
        <code>{id}</code>
      </p>
    </Shell>
  );
  return respond(page, { status: 500 });
}

function formatWait(seconds: number): string {
  if (seconds <= 90) return `${seconds} seconds`;
  return `${Math.ceil(seconds / 60)} minutes`;
}

/**
 * Sends the browser on by `Refresh`: Chromium holds a form's `form-action` against every redirect that follows, and the way back may end
 * at a client's own address. Arriving here ends that chain.
 */
export function continuePage(site: Site, returnTo: string, cookies: readonly (string | undefined)[] = []): Response {
  const page = (
    <Shell site={site} title="One moment">
      <h1>One moment</h1>
      <p>
        <a href={returnTo}>Continue</a>
      </p>
    </Shell>
  );
  return respond(page, { cookies, headers: { refresh: `0; url=${returnTo}` } });
}
