// The public face of `@sallyport/auth/node`. Adding a line here makes it public.
export { sha256Node, verifySignatureNode } from "./node-crypto.js";
export { createSafeFetchDocument, type SafeFetchOptions, UnsafeDocumentError } from "./node-fetch-document.js";
export { isSpecialAddress } from "./special-addresses.js";
