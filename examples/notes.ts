import { McpServer } from "@modelcontextprotocol/server";
import { scopePolicy } from "@sallyport/auth";
import type { ResourceDescription } from "@sallyport/auth/authorization-server";
import { z } from "zod";

/** What each scope permits. What none permits is as if it did not exist. */
export const policy = scopePolicy({
  scopes: {
    "notes:read": { allow: ["tools/read_*"] },
    "notes:write": { allow: ["tools/write_*"], includes: ["notes:read"] },
  },
});

/** A small MCP server to protect: one tool that reads, one that writes, one that no scope of the examples permits. */
export function createNotesServer(): McpServer {
  const server = new McpServer({ name: "notes", version: "1.0.0" });
  const inputSchema = z.object({ text: z.string() });
  const answer = (text: string) => ({ content: [{ type: "text" as const, text }] });
  server.registerTool("read_note", { inputSchema, annotations: { readOnlyHint: true } }, ({ text }) =>
    answer(`read ${text}`),
  );
  server.registerTool("write_note", { inputSchema }, ({ text }) => answer(`wrote ${text}`));
  server.registerTool("erase_all", { inputSchema }, ({ text }) => answer(`erased ${text}`));
  return server;
}

/** The same scopes in words, for a consent page. */
export function describeNotes(resource: string): ResourceDescription {
  return {
    resource,
    name: "Notes",
    baseline: ["notes:read"],
    scopes: [
      { scope: "notes:read", title: "Read notes", includes: [], tools: ["read_note"] },
      { scope: "notes:write", title: "Read and write notes", includes: ["notes:read"], tools: ["write_note"] },
    ],
  };
}

/** Where it listens: this machine alone. */
export const placeOf = (resource: string) => ({ port: Number(new URL(resource).port), hostname: "127.0.0.1" });

/** For the moment when it listens: says where, and the password if nobody chose one. */
export const sayWhere = (resource: string, password?: string) => () =>
  console.log(`Notes are at ${resource}${password === undefined ? "" : `, with the password ${password}`}`);
