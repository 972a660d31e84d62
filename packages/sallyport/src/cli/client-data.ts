/**
 * Private-use schemes without a dot that are known to belong to real clients, as data that ages. A scheme with a dot (RFC 8252 §7.1)
 * needs no row. Checked on 2026-11-23 against the clients' own registrations.
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
