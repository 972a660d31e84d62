// What the composition root uses of the account page.
export { accountPages } from "./account.js";
export type { AccountOptions } from "./overview.js";
