import type { UserSummary } from "../sign-in/index.js";
import { formatTable } from "./table.js";

/** One line a person: who, how they sign in, what they may grant beyond the configuration, and their id in tokens and in the decision log. */
export function formatUsers(users: readonly UserSummary[]): string {
  if (users.length === 0) return "Nobody yet.";
  const rows = users.map((user) => [
    user.name,
    user.owner ? "owner" : user.roles.join(" ") || "-",
    user.disabled ? "disabled" : signInOf(user),
    user.owner ? "all there is" : allowedOf(user),
    user.sub,
  ]);
  return formatTable(["user", "roles", "signs in with", "may grant", "id"], rows);
}

function signInOf({ password, passkeys }: UserSummary): string {
  const ways = [
    password ? "password" : "",
    passkeys > 0 ? `${passkeys} passkey${passkeys === 1 ? "" : "s"}` : "",
  ].filter((way) => way !== "");
  return ways.length === 0 ? "code not used yet" : ways.join(", ");
}

function allowedOf({ entitlements }: UserSummary): string {
  const parts = entitlements
    .filter(({ scopes }) => scopes.length > 0)
    .map(({ server, scopes }) => (server === "" ? "" : `${server}: `) + scopes.join(" "));
  return parts.length === 0 ? "by configuration only" : parts.join("; ");
}
