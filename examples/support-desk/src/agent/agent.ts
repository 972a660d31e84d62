/** A tool as the MCP server lists it for this person's grant. */
export interface AgentTool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  readonly readOnly: boolean;
}

/** What a tool call came to. */
export type ToolOutcome =
  | { readonly kind: "result"; readonly text: string }
  /** The tool itself failed, or the CRM refused. */
  | { readonly kind: "error"; readonly text: string }
  /** A rule of the gateway denies it, whatever is consented to. */
  | { readonly kind: "denied"; readonly because: string; readonly decisionId: string | undefined }
  /** It needs a permission that the person has not given yet; the same call may be made again after that. */
  | { readonly kind: "step-up"; readonly scope: string; readonly url: string }
  /** The token of this program is not good for that, and nobody is asked for more. */
  | { readonly kind: "beyond"; readonly text: string }
  /** The person, or somebody for them, took the access back. */
  | { readonly kind: "signed-out"; readonly url: string };

/** What the person sees, piece by piece. */
export type AgentEvent =
  | { readonly type: "text"; readonly text: string }
  | {
      readonly type: "call";
      readonly id: number;
      readonly tool: string;
      readonly args: Readonly<Record<string, unknown>>;
    }
  | { readonly type: "outcome"; readonly id: number; readonly outcome: ToolOutcome };

export interface AgentTurn {
  readonly text: string;
  /** What was said before, oldest first. */
  readonly history: readonly { readonly role: "user" | "assistant"; readonly text: string }[];
  readonly tools: readonly AgentTool[];
  call(tool: string, args: Readonly<Record<string, unknown>>): Promise<ToolOutcome>;
}

/** Something that answers a person with the help of tools. It stops at a call that has to be consented to first. */
export interface Agent {
  /** Says on the page what this is. */
  readonly about: string;
  respond(turn: AgentTurn): AsyncIterable<AgentEvent>;
}
