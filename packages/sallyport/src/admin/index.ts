// What the other folders use of admin; stores implement its `storage.ts`.
export {
  type ClientDirectory,
  type ConfiguredClient,
  createClientDirectory,
  type KnownClient,
} from "./clients.js";
export { readAll } from "./pages.js";
export type * from "./storage.js";
