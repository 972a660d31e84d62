/*
 * What is known of single clients, as data that ages: each table says when it was last compared with the clients' own documentation and
 * registrations.
 */

/**
 * Private-use schemes without a dot that are known to belong to real clients. A scheme with a dot (RFC 8252 §7.1) needs no row. Checked
 * on 2026-11-23.
 */
export const KNOWN_SCHEMES: readonly string[] = [
  "cursor",
  "vscode",
  "vscode-insiders",
  "claude",
  "windsurf",
  "zed",
  "goose",
];

/** What sets a client apart. It is recognised by what it cannot borrow: where its answers go, or where its document lies. */
export interface ClientQuirk {
  readonly client: string;
  /** ISO 8601, when `source` last said so. */
  readonly checked: string;
  readonly source: string;
  /** Hosts of its client ID metadata documents. */
  readonly documentHosts: readonly string[];
  /** Its redirect URIs; one that ends in `/*` stands for every path below. All that a registration names must be of these. */
  readonly redirects: readonly string[];
  /** How it learns that a tool call needs more scope: by a tool result with `_meta["mcp/www_authenticate"]`, since it reads no 403. */
  readonly scopeRefusal: "result";
}

export const CLIENT_QUIRKS: readonly ClientQuirk[] = [
  {
    client: "ChatGPT",
    checked: "2026-11-27",
    source: "https://developers.openai.com/plugins/build/auth",
    documentHosts: ["chatgpt.com"],
    redirects: ["https://chatgpt.com/connector/oauth/*", "https://chatgpt.com/connector_platform_oauth_redirect"],
    scopeRefusal: "result",
  },
];
