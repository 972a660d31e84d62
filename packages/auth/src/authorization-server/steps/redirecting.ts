import { OAuthError } from "../../core/oauth-error.js";
import type { Step } from "../pipeline.js";
import type { Redirectable } from "./prove-redirect-uri.js";

/** A step whose errors go to the client: only possible once its redirect URI is proven, which the type demands. */
export function redirecting<In extends Redirectable, Out>(step: Step<In, Out>): Step<In, Out> {
  return async (flow) => {
    try {
      return await step(flow);
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      const { reason, message, error_description, retryAfter, cause } = error;
      throw new OAuthError(reason, {
        detail: message,
        description: error_description,
        redirectable: true,
        ...(retryAfter === undefined ? {} : { retryAfter }),
        cause,
      });
    }
  };
}
