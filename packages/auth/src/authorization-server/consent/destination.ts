import { describeRedirectUri } from "../../core/redirect-uri.js";

/**
 * The CSP source of a redirect URI, since Chromium holds the redirect behind a form against `form-action` too: its origin, or its
 * scheme. CSP has no grammar for IPv6 hosts (CSP 3 §2.3.1), so `[::1]` becomes the scheme.
 */
export function formActionSource(redirect_uri: string): string {
  const { kind } = describeRedirectUri(redirect_uri);
  const [scheme = ""] = redirect_uri.split(":", 1);
  return kind === "private-use" || redirect_uri.startsWith("http://[") ? `${scheme}:` : new URL(redirect_uri).origin;
}

/** Whether the answer can only ever reach a program on the person's own computer. */
export function isLocalOnly(redirect_uris: readonly string[]): boolean {
  return redirect_uris.every((uri) => describeRedirectUri(uri).kind !== "https");
}
