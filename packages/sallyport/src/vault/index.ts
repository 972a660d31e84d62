// What the composition root uses of the vault.
export { CLIENT_DOCUMENT, clientDocumentRow } from "./client-document.js";
export { type ConnectionPagesOptions, connectionPages } from "./connection-pages.js";
export { CONNECT_PATH, CONNECTION_CALLBACK } from "./connection-paths.js";
export { type Connection, type ConnectionStore, SIGN_IN } from "./contract.js";
export { createProvider, type Provider, type TokenGiver } from "./provider.js";
export { createSignInTokens } from "./sign-in-tokens.js";
export { Vault } from "./vault.js";
