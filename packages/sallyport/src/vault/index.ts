// What the composition root uses of the vault.
export { CLIENT_DOCUMENT, clientDocumentRow } from "./client-document.js";
export { type ConnectionPagesOptions, connectionPages } from "./connection-pages.js";
export { CONNECT_PATH, CONNECTION_CALLBACK } from "./connection-paths.js";
export type { Connection, ConnectionStore } from "./contract.js";
export { createProvider, type Provider } from "./provider.js";
export { Vault } from "./vault.js";
