import type { Provision } from "./provisions.js";
import type { UpstreamRequest } from "./upstream.js";

/** A request, and what a child that takes it has to have been started with. */
export interface Provisioned {
  readonly request: UpstreamRequest;
  readonly provision: Provision;
}
