/** The two scopes of a server without a `scopes:` section (design: scopes first, conditions second). */
export const READ = "mcp:read";
export const WRITE = "mcp:write";

/** `mcp:write` includes `mcp:read`. */
export const DEFAULT_INCLUDES: Readonly<Record<string, readonly string[]>> = { [READ]: [], [WRITE]: [READ] };
