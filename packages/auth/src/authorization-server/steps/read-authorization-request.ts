import { type Parameters, parseParameters, readForm } from "../../oauth/parameters.js";
import { type Start, type Visit, visitOf } from "../pipeline.js";

export interface AuthorizationRequest extends Visit {
  readonly parameters: Parameters;
}

/** RFC 6749 §3.1: parameters in the query of a GET or in the body of a POST, never in both. */
export async function readAuthorizationRequest(flow: Start): Promise<AuthorizationRequest> {
  const visit = visitOf(flow);
  const { request, url } = visit;
  const parameters = request.method === "POST" ? await readForm(request) : parseParameters(url.search.slice(1));
  return { ...visit, parameters };
}
