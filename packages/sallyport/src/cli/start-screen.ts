import pc from "picocolors";

/** What one start has to tell. Nothing in here is secret but `ownerCode`, which only a terminal gets. */
export interface StartReport {
  readonly publicUrl: string;
  /** Where metrics are served, if they are. */
  readonly metricsUrl?: string;
  readonly port: number;
  readonly servers: readonly {
    readonly title: string;
    readonly mcpUrl: string;
    /** `undefined` when the server could not be asked yet. */
    readonly tools: readonly StartedTool[] | undefined;
    readonly problem: string | undefined;
    /** It ended by itself: what it said last, fit for a terminal. Machines have it in the log. */
    readonly lastLines?: readonly string[] | undefined;
  }[];
  readonly owner:
    | {
        readonly code: string | undefined;
        readonly file: string | undefined;
        /** How long the code is good, in words. */
        readonly within: string | undefined;
        readonly ready: boolean;
      }
    | undefined;
  /** Where the admin API answers, and where its token lies; `undefined`: there is none. */
  readonly admin?: { readonly url: string; readonly token: string } | undefined;
  /** How the operator's commands find this installation, for example `--name notes`. */
  readonly operatorFlags: string;
  readonly warnings: readonly string[];
  readonly startedInMs: number;
}

export interface StartedTool {
  readonly tool: string;
  readonly scope: string;
  readonly changed: boolean;
  /** Neither listed nor callable until it is accepted. */
  readonly quarantined: boolean;
  /** Its definition holds characters that people do not see and models read. */
  readonly unseen: boolean;
}

/**
 * Ready-to-paste lines, one row a client. Checked on 2026-11-27: the Inspector's against its command line (2.12.0, which needs Node 22.19;
 * versions before 2 know none of these flags), the others against each client's own documentation.
 */
const CLIENTS: readonly (readonly [client: string, lines: (name: string, url: string) => string])[] = [
  ["Claude Code", (name, url) => `claude mcp add --transport http ${name} ${url}`],
  ["VS Code", (name, url) => `code --add-mcp '${JSON.stringify({ name, type: "http", url })}'`],
  ["Cursor", (name, url) => `~/.cursor/mcp.json  ${JSON.stringify({ mcpServers: { [name]: { url } } })}`],
  ["MCP Inspector", (_, url) => `npx @modelcontextprotocol/inspector@2 --transport http --server-url ${url}`],
];

/** The screen for people. Plain text when colours are off. */
export function formatStartScreen(report: StartReport): string {
  const lines: string[] = ["", `  ${pc.bold("Sallyport")} is up in ${report.startedInMs} ms`, ""];
  for (const server of report.servers) lines.push(...serverLines(server));
  lines.push(...ownerLines(report));
  for (const warning of report.warnings) lines.push(`  ${pc.yellow("!")} ${warning}`);
  if (report.metricsUrl !== undefined)
    lines.push(`  ${pc.dim(`Metrics and readiness: ${report.metricsUrl}/metrics, /readyz`)}`);
  if (report.admin !== undefined)
    lines.push(`  ${pc.dim(`Admin API: ${report.admin.url}, with the token in ${report.admin.token}`)}`);
  lines.push(`  ${pc.dim(`Who has access to what: ${report.publicUrl}/account   Stop: Ctrl+C`)}`, "");
  return lines.join("\n");
}

function serverLines(server: StartReport["servers"][number]): string[] {
  const width = Math.max(...CLIENTS.map(([client]) => client.length)) + 2;
  const lines = [`  ${pc.bold(server.title)}  ${pc.cyan(server.mcpUrl)}`, ""];
  for (const [client, command] of CLIENTS)
    lines.push(`    ${pc.dim(client.padEnd(width))}${command(pasteName(server.title), server.mcpUrl)}`);
  lines.push("");
  if (server.problem !== undefined) lines.push(...problemLines(server.problem, server.lastLines), "");
  if (server.tools !== undefined) lines.push(...toolLines(server.tools), "");
  return lines;
}

function problemLines(problem: string, lastLines: readonly string[] | undefined): string[] {
  const head = `  ${pc.red("!")} ${problem}`;
  if (lastLines === undefined) return [head];
  return [
    lastLines.length === 0 ? head : `${head}; it said last:`,
    ...lastLines.map((line) => `      ${pc.dim(line)}`),
    "    Mend that, and Sallyport starts it again at the next call; if its command is wrong, stop Sallyport and give it the right one.",
  ];
}

/** Clients take letters, digits, - and _ in a name (Claude Code refuses others), and no shell reads anything into them. */
function pasteName(title: string): string {
  return title.replace(/[^A-Za-z0-9_]+/g, "-").replace(/^-+|-+$/g, "") || "server";
}

function toolLines(tools: NonNullable<StartReport["servers"][number]["tools"]>): string[] {
  if (tools.length === 0) return ["    The server names no tools."];
  const width = Math.max(4, ...tools.map(({ tool }) => printable(tool).length)) + 2;
  return [
    `    ${pc.dim("tool".padEnd(width))}${pc.dim("needs")}`,
    ...tools.map(
      (one) => `    ${printable(one.tool).padEnd(width)}${one.quarantined ? "–" : one.scope}${warningsOf(one)}`,
    ),
    `    ${pc.dim("mcp:read goes by the server's own word (readOnlyHint); nobody has checked it.")}`,
  ];
}

function warningsOf({ changed, quarantined, unseen }: StartedTool): string {
  const warnings = [
    ...(changed ? ["changed since it was first seen"] : []),
    ...(quarantined ? ["in quarantine until `sallyport tools accept`"] : []),
    ...(unseen ? ["its definition holds characters that cannot be seen: `sallyport tools diff`"] : []),
  ];
  return warnings.length === 0 ? "" : pc.yellow(`  ${warnings.join("; ")}`);
}

/** A tool name is the server's text: control, invisible and bidirectional characters are shown, not sent to the terminal. */
function printable(text: string): string {
  return text.replace(/[\p{C}\p{Z}]/gu, (character) =>
    character === " " ? " " : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

function ownerLines({ owner, operatorFlags }: StartReport): string[] {
  if (owner === undefined) return [];
  const another = `npx sallyport owner code${operatorFlags}`;
  if (owner.ready) return [`  ${pc.dim(`Sign in with your passkey or password. Lost it? ${another}`)}`, ""];
  if (owner.code !== undefined) {
    return [
      `  Your sign-in code  ${pc.bold(pc.green(owner.code))}`,
      `    ${pc.dim(`once, within ${owner.within}; the browser asks for it at the first call. Another one: ${another}`)}`,
      "",
    ];
  }
  return [`  Your sign-in code is in ${owner.file} (readable by you only, valid for ${owner.within})`, ""];
}

/** The same for machines: one JSON object on one line, without the owner's code. */
export function formatStartJson(report: StartReport): string {
  const { owner, operatorFlags: _, ...rest } = report;
  const servers = report.servers.map(({ lastLines: _, ...server }) => server);
  return JSON.stringify({ event: "started", ...rest, servers, issuer: report.publicUrl, ownerCodeFile: owner?.file });
}
