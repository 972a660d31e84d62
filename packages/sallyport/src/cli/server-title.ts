import { basename } from "node:path";

/** Programs that only start another one: not what people would call the server. */
const RUNNERS: ReadonlySet<string> = new Set([
  "npx",
  "npm",
  "exec",
  "pnpm",
  "dlx",
  "bunx",
  "bun",
  "run",
  "node",
  "tsx",
  "deno",
  "uvx",
  "uv",
  "python",
  "python3",
]);

/** What people read for a server that was given no name: the package, script or host. Never used for a decision. */
export function titleOf(server: {
  readonly command?: readonly string[] | undefined;
  readonly upstream?: string | undefined;
}): string {
  if (server.upstream !== undefined) return new URL(server.upstream).host;
  const words = (server.command ?? []).map((word) => basename(word)).filter((word) => !word.startsWith("-"));
  const named = words.find((word) => !RUNNERS.has(word)) ?? words[0] ?? "server";
  return named.replace(/\.[cm]?[jt]s$/, "").replace(/@[\d.]+$/, "");
}
