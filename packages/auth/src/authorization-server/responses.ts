/** What an endpoint for programs answers. A `Response` with a body costs more than most of what is in it, so one is made at the edge alone. */
export class PlainAnswer {
  constructor(
    readonly status: number,
    /** Lower case names. */
    readonly headers: Readonly<Record<string, string>>,
    readonly body: string | null,
  ) {}

  with(headers: Readonly<Record<string, string>>): PlainAnswer {
    return new PlainAnswer(this.status, Object.assign({}, this.headers, headers), this.body);
  }
}

/** RFC 6749 §5.1: answers with tokens or errors are JSON that nobody stores. */
export function jsonResponse(
  body: unknown,
  init: { status?: number; headers?: Record<string, string> } = {},
): PlainAnswer {
  const headers = { "content-type": "application/json", "cache-control": "no-store", ...init.headers };
  return new PlainAnswer(init.status ?? 200, headers, JSON.stringify(body));
}

/** Documents that anybody may read and keep for a while (seconds). */
export function publicJson(body: unknown, maxAge: number): PlainAnswer {
  return jsonResponse(body, { headers: { "cache-control": `public, max-age=${maxAge}` } });
}

/**
 * The authorization response: the redirect URI with `parameters` added to its query (RFC 6749 §4.1.2), the rest of it byte for byte.
 * 303, so that a POST is never sent on (RFC 9700 §4.12).
 */
export function redirectToClient(
  redirect_uri: string,
  parameters: Readonly<Record<string, string | undefined>>,
  cookies: readonly string[] = [],
): Response {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.append(name, value);
  const joint = redirect_uri.includes("?") ? (/[?&]$/.test(redirect_uri) ? "" : "&") : "?";
  const headers = new Headers({
    // RFC 6749 appendix B wants form encoding; `%20` is read the same everywhere, `+` is not.
    location: redirect_uri + joint + query.toString().replaceAll("+", "%20"),
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
  });
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return new Response(null, { status: 303, headers });
}
