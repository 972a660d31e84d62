import type { PropsWithChildren } from "hono/jsx";
import { PASSKEY_SCRIPT, PASSKEY_SCRIPT_HASH } from "./passkey-script.js";
import type { Site } from "./site.js";
import { STYLE, STYLE_HASH } from "./style.js";

/** Two doors, one behind the other. */
const MARK = (
  <svg
    viewBox="0 0 32 32"
    fill="none"
    stroke="currentColor"
    stroke-width="2.4"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    <path d="M4 29V13a8 8 0 0 1 8-8h8a8 8 0 0 1 8 8v16z" />
    <path d="M11 29V17a5 5 0 0 1 10 0v12" />
    <path d="M2 29h28" stroke-linecap="round" />
  </svg>
);
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32' fill='none' stroke='%234d7bf0' stroke-width='3'%3E%3Cpath d='M4 29V13a8 8 0 0 1 8-8h8a8 8 0 0 1 8 8v16z'/%3E%3Cpath d='M11 29V17a5 5 0 0 1 10 0v12'/%3E%3C/svg%3E";

export interface ShellProps {
  readonly site: Site;
  readonly title: string;
  readonly wide?: boolean;
  /** Puts the passkey script at the end of the page. */
  readonly script?: boolean;
}

/* The two inner texts that are not escaped are constants of this program, allowed by their hashes. */
export function Shell({ site, title, wide, script, children }: PropsWithChildren<ShellProps>) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>{`${title} · Sallyport`}</title>
        <link rel="icon" href={ICON} />
        <style dangerouslySetInnerHTML={{ __html: STYLE }} />
      </head>
      <body>
        <main class={wide ? "wide" : "narrow"}>
          <p class="brand">
            {MARK}
            {site.host}
          </p>
          {children}
        </main>
        {script ? <script dangerouslySetInnerHTML={{ __html: PASSKEY_SCRIPT }} /> : undefined}
      </body>
    </html>
  );
}

/** One problem, said in a sentence; `field` is the id of the input it is about. */
export interface Problem {
  readonly field?: string;
  readonly text: string;
}

/** Read out at once and focused, so that nobody has to search for what went wrong. */
export function ErrorSummary({ problem }: { readonly problem: Problem | undefined }) {
  if (problem === undefined) return null;
  return (
    <div class="note bad" role="alert" tabindex={-1} autofocus>
      <h2>That did not work</h2>
      <p>{problem.field === undefined ? problem.text : <a href={`#${problem.field}`}>{problem.text}</a>}</p>
    </div>
  );
}

export function Hidden(props: { readonly values: Readonly<Record<string, string | undefined>> }) {
  return (
    <>
      {Object.entries(props.values).map(([name, value]) =>
        value === undefined ? null : <input type="hidden" name={name} value={value} />,
      )}
    </>
  );
}

export interface Respond {
  readonly status?: number;
  /** `Set-Cookie` values. */
  readonly cookies?: readonly (string | undefined)[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** An HTML answer with the headers every page has: nothing may be loaded, framed, cached or learnt from the referrer. */
export function respond(page: unknown, { status = 200, cookies = [], headers = {} }: Respond = {}): Response {
  const answer = new Headers({ ...SECURITY_HEADERS, "content-type": "text/html; charset=utf-8", ...headers });
  for (const cookie of cookies) if (cookie !== undefined) answer.append("set-cookie", cookie);
  return new Response(`<!doctype html>${String(page)}`, { status, headers: answer });
}

/** RFC 9110 §15.4.4: after a POST, GET the next page. */
export function seeOther(location: string, cookies: readonly (string | undefined)[] = []): Response {
  const headers = new Headers({ ...SECURITY_HEADERS, location });
  for (const cookie of cookies) if (cookie !== undefined) headers.append("set-cookie", cookie);
  return new Response(null, { status: 303, headers });
}

// No Cross-Origin-Opener-Policy: web clients open these pages in a pop-up, whose last page talks to its opener.
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": `default-src 'none'; style-src ${STYLE_HASH}; script-src ${PASSKEY_SCRIPT_HASH}; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};
