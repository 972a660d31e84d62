import { derive, isSame } from "./hash.js";
import type { Kit } from "./kit.js";
import type { User } from "./storage.js";

/*
 * Ten wrong passwords close a name for a while, and anybody can type them. So that nobody can lock out another that way, a browser in
 * which the password was right before has tries of its own (OWASP calls it a device cookie). What it holds is made of the stored hash, says
 * nothing about it, and ends with the password. On plain http there is none: cookies do not know ports, and only this machine can knock.
 */

/** `Set-Cookie` values, for after a password was right. */
export function rememberBrowser(kit: Pick<Kit, "site" | "cookies">, user: User): readonly string[] {
  const mark = markOf(user);
  return kit.site.secure && mark !== undefined ? [kit.cookies.set("known", mark)] : [];
}

/** Which tries a password for `name` counts against: those of the name, or those of the browsers that know it. */
export function passwordTries(
  kit: Pick<Kit, "site" | "cookies">,
  request: Request,
  { name, user }: { readonly name: string; readonly user: User | undefined },
): string {
  const mark = user && markOf(user);
  const shown = kit.site.secure ? kit.cookies.read(request, "known") : undefined;
  return mark !== undefined && shown !== undefined && isSame(shown, mark) ? `${name}\nknown` : name;
}

function markOf({ password_hash }: User): string | undefined {
  return password_hash === undefined ? undefined : derive(password_hash, "known browser");
}
