// What the other folders use of admin; stores implement its `storage.ts`.
export { type AdminApi, createAdminApi } from "./admin-api.js";
export {
  type ClientDirectory,
  type ConfiguredClient,
  createClientDirectory,
  type KnownClient,
} from "./clients.js";
export type { AdminParts, AdminServer } from "./contract.js";
export { type CutOff, cutOff } from "./cut-off.js";
export { readAll } from "./pages.js";
export { AdminRefusal } from "./route.js";
export type * from "./storage.js";
