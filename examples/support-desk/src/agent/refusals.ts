import { InsufficientScopeError, SdkHttpError } from "@modelcontextprotocol/client";
import type { ToolOutcome } from "./agent.js";

/** What the gateway's refusal of a call means: a rule's denial says why in its body; anything else is a failure. */
export function refusalOf(error: unknown): ToolOutcome {
  if (error instanceof InsufficientScopeError)
    return { kind: "beyond", text: "The token of this program is not good for that." };
  const refused = error instanceof SdkHttpError ? bodyOf(error) : undefined;
  const { because, decisionId } = refused?.data ?? {};
  if (because !== undefined) return { kind: "denied", because, decisionId };
  return { kind: "error", text: refused?.message ?? (error instanceof Error ? error.message : String(error)) };
}

interface Refused {
  readonly message?: string;
  readonly data?: { readonly because?: string; readonly decisionId?: string };
}

function bodyOf({ data }: SdkHttpError): Refused | undefined {
  const { text } = (data ?? {}) as { readonly text?: unknown };
  try {
    return (JSON.parse(String(text)) as { readonly error?: Refused }).error;
  } catch {
    return undefined;
  }
}
