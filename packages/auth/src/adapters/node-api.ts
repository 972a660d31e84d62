import type { IncomingMessage, ServerResponse } from "node:http";
import type { Authenticated } from "../resource-server/contract.js";
import type { ProtectedApi } from "../resource-server/protected-api.js";
import { pathOf } from "./node-http.js";

/**
 * Who is calling a plain API on `node:http`, if the token holds all of `scopes`. `undefined`: the refusal has been written to `res`, and
 * nothing is left to do.
 */
export async function authenticateNode(
  { req, res }: { readonly req: IncomingMessage; readonly res: ServerResponse },
  api: ProtectedApi,
  scopes: readonly string[],
): Promise<Authenticated | undefined> {
  // Express takes the mount path off `url`; a proof is about the whole of it.
  const target = "originalUrl" in req && typeof req.originalUrl === "string" ? req.originalUrl : (req.url ?? "/");
  const path = pathOf({ url: target });
  const mark = target.indexOf("?");
  const head = { method: req.method ?? "GET", path, query: mark === -1 ? "" : target.slice(mark) };
  const answer = await api.check({ ...head, header: (name) => req.headersDistinct[name] }, scopes);
  if ("principal" in answer) return answer;
  res.writeHead(answer.status, answer.headers).end(answer.body);
  return undefined;
}
