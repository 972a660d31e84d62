import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject, McpCall, Principal } from "@sallyport/auth";
import { createTestSystem, type TestSystem } from "@sallyport/auth/testing";
import type { JWK } from "jose";
import { onTestFinished } from "vitest";
import { type ChainLimits, ChainWriter } from "../chain-writer.js";
import { createCommitments } from "../commitment.js";
import type { Decided, DecisionRecorder } from "../contract.js";
import type { Head } from "../lines.js";
import type { OpenLogFile } from "../log-file.js";
import { createRecorder } from "../recorder.js";
import { createLogSigner, createLogVerifier, type LogSigner, type VerifyLogSignature } from "../signatures.js";

const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
export const signer: LogSigner = createLogSigner("log-key", pair.privateKey.export({ format: "jwk" }) as JWK);
export const verifySignature: VerifyLogSignature = createLogVerifier([
  { kid: "log-key", jwk: pair.publicKey.export({ format: "jwk" }) as JWK },
]);

export function logFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "decision-log-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const alice: Principal = {
  iss: "https://sallyport.example",
  sub: "alice",
  client_id: "assistant",
  sid: "session-1",
  jti: "token-1",
  scopes: ["mcp:read"],
  kind: "user",
  actor: { sub: "agent" },
  chain: [{ sub: "earlier-agent" }],
  cnf: undefined,
  roles: ["support"],
  exp: 2_000_000_000,
  iat: 1_900_000_000,
};

export interface DecidedCall {
  readonly tool?: string;
  readonly args?: JsonObject;
  readonly id?: string | number;
  readonly denied?: boolean;
}

export function decided({ tool = "get_contact", args, id = 1, denied = false }: DecidedCall = {}): Decided {
  const call: McpCall = {
    server: "crm",
    revision: "2025-11-25",
    method: "tools/call",
    kind: "tool",
    name: tool,
    arguments: args,
  };
  const decision = denied
    ? ({ outcome: "deny", kind: "rule", rule: "crm.rules[0]", reason: "applies", because: "No.", scopes: [] } as const)
    : ({ outcome: "allow", rule: "scope:mcp:read" } as const);
  return {
    who: { principal: alice, entitled: ["mcp:write"] },
    judged: [{ call, decision }],
    body: {
      batch: false,
      messages: [{ type: "request", id, method: "tools/call", params: undefined }],
      inexactNumbers: false,
    },
    byMessage: [[call]],
    request: { method: "POST", remoteAddress: "192.0.2.7" },
    latencyMs: 0.25,
  };
}

export interface TestLog {
  readonly chain: ChainWriter;
  readonly system: TestSystem;
  readonly recorder: DecisionRecorder;
}

export async function openTestLog(
  folder: string,
  options: {
    readonly limits?: Partial<ChainLimits>;
    readonly links?: readonly Head[];
    readonly openFile?: OpenLogFile;
    readonly before?: (call: McpCall) => boolean;
    readonly onLost?: (records: number) => void;
    readonly toolScopeOf?: (tool: string) => string | undefined;
  } = {},
): Promise<TestLog> {
  const { before = () => false, links = [], limits, openFile, onLost, toolScopeOf } = options;
  const system = createTestSystem();
  const chain = await ChainWriter.open({
    folder,
    signer,
    system,
    links,
    ...(limits && { limits }),
    ...(openFile && { openFile }),
  });
  const recorder = createRecorder({
    server: "crm",
    chain,
    system,
    commit: createCommitments("full", system),
    before,
    ...(onLost && { onLost }),
    ...(toolScopeOf && { toolScopeOf }),
  });
  return { chain, system, recorder };
}
