import { OAuthError } from "../core/oauth-error.js";
import { quote } from "../core/quote.js";
import { parseResource } from "../core/resource.js";
import type { Server } from "./server.js";

/**
 * The resource of ours that a request names, in our spelling; `undefined` when it names none. One slash at the end makes no difference:
 * some clients add one to an origin (design §5.8).
 * @throws OAuthError `target_several`, `target_malformed`, `target_unknown` (RFC 8707 §2: `invalid_target`)
 */
export function findResource(server: Server, values: readonly string[]): string | undefined {
  const [value, ...more] = values;
  if (more.length > 0) throw new OAuthError("target_several");
  if (value === undefined) return undefined;
  const resources = server.options.resources();
  if (resources.includes(value)) return value;
  const wanted = withoutSlash(parseResource(value));
  const known = resources.find((resource) => withoutSlash(parseResource(resource)) === wanted);
  if (known === undefined) throw new OAuthError("target_unknown", { detail: quote(value) });
  return known;
}

function withoutSlash(resource: string): string {
  return resource.endsWith("/") ? resource.slice(0, -1) : resource;
}
