import { OAuthError } from "../../core/oauth-error.js";
import { hmacSha256, isEqualInConstantTime } from "../../oauth/digest.js";
import type { Known } from "./flow.js";

/** What the page carries and only its own browser session can know: bound to that session and to this one request. */
export function csrfToken({ user, pending }: Pick<Known, "user" | "pending">): Promise<string> {
  return hmacSha256(user.csrfSecret, `consent ${pending.id}`);
}

export async function checkCsrfToken(
  flow: Pick<Known, "user" | "pending">,
  presented: string | undefined,
): Promise<void> {
  if (!isEqualInConstantTime(await csrfToken(flow), presented ?? "")) {
    throw new OAuthError("consent_forged", { detail: "csrf token" });
  }
}

/**
 * A second line of defence beside the token. Our pages send `Referrer-Policy: no-referrer`, and then a browser says `Origin: null` for
 * its own forms too (Fetch §3.2), so `Sec-Fetch-Site` decides where there is one.
 */
export function checkOrigin(request: Request, own: string): void {
  const site = request.headers.get("sec-fetch-site");
  const origin = request.headers.get("origin");
  const foreign = site === null ? ![null, "null", own].includes(origin) : site !== "same-origin";
  if (foreign) throw new OAuthError("consent_forged", { detail: "posted from another site" });
}
