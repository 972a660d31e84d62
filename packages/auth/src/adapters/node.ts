import type { IncomingMessage, ServerResponse } from "node:http";
import { createEndpoint, type EndpointOptions } from "./endpoint.js";
import { pathOf, serveNode } from "./node-http.js";

// The public face of `@sallyport/auth/node`. Adding a line here makes it public.
export type { EndpointOptions } from "./endpoint.js";
export { authenticateNode } from "./node-api.js";
export { sha256Node, verifySignatureNode } from "./node-crypto.js";
export { importSigningKey, nodeCryptography } from "./node-cryptography.js";
export { createDpopNonces } from "./node-dpop-nonces.js";
export { createDpopSignerNode } from "./node-dpop-signer.js";
export { createSafeFetchDocument, type SafeFetchOptions, UnsafeDocumentError } from "./node-fetch-document.js";
export { sendResponse, toRequest } from "./node-http.js";
export { endInOneWrite, sendPlainAnswer, toPlainRequest } from "./node-plain.js";
export { isSpecialAddress } from "./special-addresses.js";

export type NodeListener = (req: IncomingMessage, res: ServerResponse) => void;

/**
 * A protected MCP endpoint as a listener of `node:http`: `createServer(protect({ resourceServer, handler }))`. It answers at the resource's
 * path and at its metadata's; every other path goes to `otherwise`, by default a 404.
 */
export function protect(options: EndpointOptions, otherwise: NodeListener = notFound): NodeListener {
  const endpoint = createEndpoint(options);
  return (req, res) => (endpoint.owns(pathOf(req)) ? void serveNode(req, res, endpoint) : otherwise(req, res));
}

const notFound: NodeListener = (_req, res) => void res.writeHead(404).end();
