import { OAuthError } from "../../core/oauth-error.js";
import type { Asked, Known } from "./flow.js";
import { consentUrl } from "./flow.js";

/** Who is in the browser? Nobody: to the sign-in pages, or back to the client when it does not want the person bothered. */
export async function identifyPerson<Flow extends Asked>(flow: Flow): Promise<(Flow & Known) | Response> {
  const { server, request, client, pending } = flow;
  const returnTo = consentUrl(flow);
  const user = await server.options.currentUser(request, { returnTo, client: client.metadata, pending });
  if (!(user instanceof Response)) return { ...flow, user };
  if (pending.prompt === "none") throw new OAuthError("login_needed");
  return user;
}
