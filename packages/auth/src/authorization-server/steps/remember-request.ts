import { OAuthError } from "../../core/oauth-error.js";
import { parseScope } from "../../core/scope.js";
import { randomToken } from "../../system.js";
import type { Asked } from "../consent/flow.js";
import { readDetails } from "../details/read-details.js";
import { findResource } from "../resources.js";
import type { PendingAuthorization } from "../storage.js";
import type { Redirectable } from "./prove-redirect-uri.js";

const MAX_SCOPES = 100;

/** The valid request becomes a record that waits for a person; R-145: nothing of it is kept in a cookie. */
export async function rememberRequest(flow: Redirectable): Promise<Redirectable & Asked> {
  const { server, parameters, client, redirect_uri, state } = flow;
  const now = server.system.now();
  const prompt = parameters.one("prompt");
  if (prompt?.split(" ").includes("none") && prompt !== "none") {
    throw new OAuthError("request_malformed", { description: "prompt=none goes with nothing else." });
  }
  const resource = findResource(server, parameters.all("resource")) ?? onlyOne(server.options.resources());
  const details = readDetails(flow, resource);
  const pending: PendingAuthorization = {
    id: randomToken(server.system),
    client_id: client.metadata.client_id,
    redirect_uri,
    state,
    code_challenge: parameters.one("code_challenge") ?? "",
    scopes: readScopes(parameters.one("scope") ?? ""),
    resource,
    ...(details.length > 0 && { details }),
    prompt,
    dpop_jkt: parameters.one("dpop_jkt"),
    created: now,
    expires: now + server.lifetimes.pending,
  };
  // prompt=none never waits for anybody.
  if (prompt !== "none") {
    limitRequests(flow, now);
    await server.options.storage.pending.save(pending);
  }
  return { ...flow, pending, chosen: undefined };
}

/** Nobody has signed in yet: what one address may make us write down has a bound. */
function limitRequests({ server, request }: Redirectable, now: number): void {
  const wait = server.authorizations.take(server.options.remoteAddress?.(request) ?? "unknown", now);
  if (wait > 0) throw new OAuthError("too_many_requests", { retryAfter: wait });
}

/** Scopes that do not exist are dropped later, when the resource is known. Spaces too many are no reason to refuse a person. */
function readScopes(value: string): readonly string[] {
  const scopes = parseScope(value.trim().replace(/ +/g, " "));
  if (scopes.length > MAX_SCOPES) throw new OAuthError("scope_malformed", { description: "Too many scopes." });
  // refresh tokens are our choice, and no scope of a resource.
  return scopes.filter((scope) => scope !== "offline_access");
}

function onlyOne(resources: readonly string[]): string | undefined {
  return resources.length === 1 ? resources[0] : undefined;
}
