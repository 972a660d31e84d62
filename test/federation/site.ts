import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { system as realSystem } from "@sallyport/auth";
import { createTestSystem, type TestSystem } from "@sallyport/auth/testing";
import { compose } from "../../packages/sallyport/src/cli/compose.js";
import { fileInstallation } from "../../packages/sallyport/src/cli/installation.js";
import { parseConfig } from "../../packages/sallyport/src/config/load.js";
import { openStore, type Store } from "../../packages/sallyport/src/stores/store.js";
import { watchProgram } from "../fixtures/watched-program.js";
import { call, headersOf } from "../hostile/ground.js";
import { type RecordingUpstream, startRecordingUpstream } from "../hostile/recording-upstream.js";
import { send, type WireAnswer } from "../hostile/wire.js";

/** `serve`, in this process: a configuration, a store, and a clock that can be moved on. */
export interface Site {
  readonly publicUrl: string;
  readonly store: Store;
  readonly system: TestSystem;
  readonly upstream: RecordingUpstream;
  /** Calls the reading tool of a server. */
  look(server: string, token: string): Promise<WireAnswer>;
  /** Names of the tools shown, or the one reason why there are none. */
  tools(server: string, token: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** @param settings `servers:` and what else there is, for a public URL; `UPSTREAM` stands for the recording server. */
export async function startSite(settings: string | ((publicUrl: string) => Promise<string>)): Promise<Site> {
  const upstream = await startRecordingUpstream();
  const folder = mkdtempSync(join(tmpdir(), "sallyport-federation-"));
  const port = await freePort();
  const publicUrl = `http://localhost:${port}`;
  const yaml = typeof settings === "string" ? settings : await settings(publicUrl);
  const text = `publicUrl: ${publicUrl}\nlisten: { port: ${port} }\n${yaml.replaceAll("UPSTREAM", upstream.url)}`;
  const file = join(folder, "sallyport.yaml");
  const config = parseConfig(text, { file, environment: {} });
  const system = createTestSystem(realSystem.now());
  const store = await openStore({
    url: `sqlite:${join(folder, "sallyport.db")}`,
    masterKey: new Uint8Array(32).fill(7),
    system,
  });
  const program = await compose(fileInstallation(file, config), store, system);
  await program.gateway.listen();
  const watch = watchProgram({ issuer: publicUrl, folder, log: () => JSON.stringify(system.lines) });
  await Promise.all(program.servers.map((server) => server.learn()));
  const ask = (server: string, token: string, body: string) =>
    send(publicUrl, { path: `/mcp/${server}`, headers: headersOf(token), body });
  return {
    publicUrl,
    store,
    system,
    upstream,
    look: (server, token) => ask(server, token, call("look")),
    tools: async (server, token) => {
      const { text: answer } = await ask(
        server,
        token,
        JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
      );
      const json = answer.includes("data:") ? answer.slice(answer.indexOf("{"), answer.lastIndexOf("}") + 1) : answer;
      const { result, error } = JSON.parse(json);
      return result?.tools.map((tool: { readonly name: string }) => tool.name) ?? [error.data.reason];
    },
    close: async () => {
      await program.close();
      await store.close();
      await upstream.close();
      try {
        watch.check();
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
