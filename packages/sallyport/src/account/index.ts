// What the composition root uses of the account page.
export { accountPages } from "./account.js";
export type { ExplainOptions } from "./explain/contract.js";
export { explainPages } from "./explain/explain-pages.js";
export type { AccountOptions, ConnectedSystem, ConnectedSystems } from "./overview.js";
