import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import type { Hono } from "hono";
import type pg from "pg";
import type { Agent } from "./agent/agent.js";
import { createSummarizer } from "./agent/summarizer.js";
import { createCrmApi } from "./crm/api.js";
import { openDatabase } from "./crm/database.js";
import { createRecords } from "./crm/records.js";
import { createGatewayProcess, loadSecrets, type Person } from "./gateway.js";
import { createCrmMcp } from "./mcp/server.js";
import { createChat } from "./web/chat.js";

/** Who works here. Roles decide what they may grant and which rules let them through; regions decide whose rows they see. */
const PEOPLE = [
  { name: "alice", roles: ["support"], regions: ["north"] },
  { name: "bob", roles: ["support", "lead"], regions: ["north", "south"] },
] as const;

export interface DeskOptions {
  readonly agent: Agent;
  /** The configuration of the gateway, with the addresses of {@link PORTS}. */
  readonly config: string;
  /** Where state lies: secrets, the gateway's store, the database. */
  readonly folder: string;
  /** A PostgreSQL of one's own; default: one from npm, in `folder`. */
  readonly databaseUrl?: string;
  /** First of four ports in a row: chat, gateway, MCP server, API. Default 4700. */
  readonly port?: number;
}

export interface Desk {
  readonly chatUrl: string;
  readonly gatewayUrl: string;
  readonly mcpUrl: string;
  readonly people: readonly Person[];
  /** For tests that look at what really changed. */
  readonly database: pg.Pool;
  close(): Promise<void>;
}

/** The whole desk in one process, but for the gateway, which runs as it would for anybody. */
export async function startDesk(options: DeskOptions): Promise<Desk> {
  const { folder, port = 4700 } = options;
  const [chatUrl, gatewayUrl] = [port, port + 1].map((each) => `http://localhost:${each}`) as [string, string];
  const [server, api] = [`http://127.0.0.1:${port + 2}/mcp`, `http://127.0.0.1:${port + 3}`];
  const mcpUrl = `${gatewayUrl}/mcp/crm`;
  const secrets = loadSecrets(folder);
  const closing: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const end of closing.splice(0).reverse()) await end();
  };
  try {
    const gateway = createGatewayProcess(configFile(options, port), secrets);
    const people = await gateway.people(PEOPLE);
    const staff = people.map(({ name, sub }) => ({
      name,
      sub,
      regions: PEOPLE.find((one) => one.name === name)?.regions ?? [],
    }));
    const where =
      options.databaseUrl === undefined ? { folder: join(folder, "postgres") } : { url: options.databaseUrl };
    const database = await openDatabase(where, staff);
    closing.push(database.close);
    const crm = createCrmApi({ resource: api, issuer: gatewayUrl, records: createRecords(database.pool) });
    closing.push(await listen(crm, port + 3));
    const client = { id: "crm-server", secret: secrets.DESK_SERVER_SECRET };
    closing.push(await listen(createCrmMcp({ resource: server, issuer: gatewayUrl, api, client }), port + 2));
    await gateway.start();
    closing.push(gateway.stop);
    const chat = createChat({
      agent: options.agent,
      mcpUrl,
      accountUrl: `${gatewayUrl}/account`,
      chat: { id: "support-chat", secret: secrets.DESK_CHAT_SECRET, redirectUri: `${chatUrl}/callback` },
      summarizer: createSummarizer({
        issuer: gatewayUrl,
        mcpUrl,
        client: { id: "summarizer", secret: secrets.DESK_SUMMARIZER_SECRET },
      }),
    });
    closing.push(await listen(chat, port));
    return { chatUrl, gatewayUrl, mcpUrl, people, database: database.pool, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The file as it is for the usual ports; a copy with others for everything else. */
function configFile({ config, folder }: DeskOptions, port: number): string {
  const text = readFileSync(config, "utf8");
  const moved = [0, 1, 2, 3].reduce((so, offset) => so.replaceAll(String(4700 + offset), String(port + offset)), text);
  const file = join(folder, "sallyport.yaml");
  writeFileSync(file, moved.replaceAll("./.data/", "./"));
  return file;
}

function listen(app: Hono, port: number): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    // The MCP client of the chat needs the platform's own Response.
    const server = serve(
      { fetch: app.fetch, overrideGlobalObjects: false, port, hostname: port % 10 === 0 ? "localhost" : "127.0.0.1" },
      () =>
        resolve(
          () =>
            new Promise((closed) => {
              server.close(() => closed());
              if ("closeAllConnections" in server) server.closeAllConnections();
            }),
        ),
    );
    server.once("error", reject);
  });
}
