import { Html, html } from "./html.js";
import { STYLESHEET } from "./stylesheet.js";

export interface PageOptions {
  readonly title: string;
  /** What goes into `<main>`; begins with the `<h1>`. */
  readonly body: Html;
  /** Default 200. */
  readonly status?: number;
  /** CSP sources besides `'self'` that a form of this page may lead to, through redirects too. */
  readonly formAction?: readonly string[];
  /** `Set-Cookie` values. */
  readonly cookies?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

// The stylesheet is a constant of ours without a character to escape.
const styles = new Html(STYLESHEET);

let styleSource: Promise<string> | undefined;

/** The CSP source of {@link STYLESHEET}: `'sha256-…'`. Inline styles and scripts other than listed ones do not run. */
export function stylesheetSource(): Promise<string> {
  styleSource ??= crypto.subtle.digest("SHA-256", new TextEncoder().encode(STYLESHEET)).then((digest) => {
    return `'sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}'`;
  });
  return styleSource;
}

/**
 * One page in the common look, with the headers that every page about authorization needs: no script, no frame, nothing
 * cached, no referrer (codes and pending ids must not travel in one, RFC 9700 §4.2.4), no image or font from anywhere.
 */
export async function page(options: PageOptions): Promise<Response> {
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${options.title}</title>
<style>${styles}</style>
</head>
<body>
<main>
${options.body}
</main>
</body>
</html>
`;
  const headers = new Headers({ ...options.headers, ...(await pageHeaders(options.formAction ?? [])) });
  for (const cookie of options.cookies ?? []) headers.append("set-cookie", cookie);
  return new Response(document.text, { status: options.status ?? 200, headers });
}

async function pageHeaders(formAction: readonly string[]): Promise<Record<string, string>> {
  const policy = [
    "default-src 'none'",
    `style-src ${await stylesheetSource()}`,
    "base-uri 'none'",
    `form-action ${["'self'", ...formAction].join(" ")}`,
    "frame-ancestors 'none'",
  ];
  return {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": policy.join("; "),
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
  };
}
