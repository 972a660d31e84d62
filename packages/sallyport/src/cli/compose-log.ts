import { isAbsolute, join } from "node:path";
import type { McpCall, System } from "@sallyport/auth";
import {
  applyRetention,
  type ChainWriter,
  createCommitments,
  createRecorder,
  createRedactor,
  type DecisionRecorder,
  openDecisionLog,
} from "../decision-log/index.js";
import { ForeignMasterKeyError } from "../sealing/foreign-key.js";
import type { Store } from "../stores/store.js";
import { CliError } from "./exit.js";
import { explainFailure } from "./failure-text.js";
import type { Installation, InstalledServer } from "./installation.js";

/** The decision log of this process. */
export interface ComposedLog {
  recorderOf(server: InstalledServer, about: AboutCalls): DecisionRecorder;
  /** Why no decision can be recorded, where calls are refused for it. */
  failure(): string | undefined;
  /** Age of the oldest decision that is not durable yet, in milliseconds. */
  lagMs(): number;
  close(): Promise<void>;
}

/** What is known of a server's calls besides what was decided. */
export interface AboutCalls {
  /** It only looks things up, so that it need not wait for its record. */
  reads(call: McpCall): boolean;
  /** What the catalogue says that a tool needs now. */
  toolScopeOf(tool: string): string | undefined;
}

const DAY_MS = 86_400_000;

export function logFolderOf({ config, dataFolder, baseFolder }: Installation): string {
  const { folder } = config.log;
  if (folder === undefined) return join(dataFolder, "decisions");
  return isAbsolute(folder) ? folder : join(baseFolder, folder);
}

/** @throws CliError when no log can be begun, unless the configuration forwards without one. */
export async function composeLog(installation: Installation, store: Store, system: System): Promise<ComposedLog> {
  const folder = logFolderOf(installation);
  const { retention, dangerouslyForwardWithoutLog } = installation.config.log;
  try {
    const { chain, signer } = await openDecisionLog({ folder, sealer: store.sealer, system });
    const tidy = () => {
      if (retention === undefined) return;
      // A quiet chain is signed every day, so that it never looks like one whose writer is gone.
      void chain.checkpoint().catch(() => {});
      try {
        applyRetention({ folder, signer, days: retention, now: system.now() });
      } catch (error) {
        system.log("warn", "old segments of the decision log were not removed", { error: String(error) });
      }
    };
    tidy();
    const daily = setInterval(tidy, DAY_MS).unref();
    return recorders(chain, system, { lenient: dangerouslyForwardWithoutLog, onClose: () => clearInterval(daily) });
  } catch (error) {
    const foreign = error instanceof ForeignMasterKeyError;
    const because = foreign ? explainFailure(error, installation) : (error as Error).message;
    const advice = foreign
      ? ", behind the present one; or move that folder away, and a new log begins."
      : ". Set log.folder to a folder that can be.";
    const why = `the decision log in ${folder} cannot be written: ${because}`;
    if (!dangerouslyForwardWithoutLog) throw new CliError(why + advice);
    system.log("error", `${why}; nothing is recorded`);
    return {
      recorderOf: () => ({ record: () => undefined }),
      failure: () => undefined,
      lagMs: () => 0,
      close: async () => {},
    };
  }
}

function recorders(
  chain: ChainWriter,
  system: System,
  { lenient, onClose }: { readonly lenient: boolean; readonly onClose: () => void },
): ComposedLog {
  return {
    recorderOf: ({ name, config: { log } }, { reads, toolScopeOf }) => {
      const { before } = log;
      const mode = log.arguments === "redacted" ? { redact: createRedactor(log.redact) } : log.arguments;
      return createRecorder({
        chain,
        system,
        server: name,
        commit: createCommitments(mode, system),
        before: (call) => before === "all" || (before === "writes" && !reads(call)),
        toolScopeOf,
        ...(lenient && { onLost: (records: number) => chain.lose(records) }),
      });
    },
    failure: () => (lenient ? undefined : chain.failure),
    lagMs: () => chain.lagMs,
    close: async () => {
      onClose();
      try {
        await chain.close();
      } catch (error) {
        system.log("error", "the decision log was not closed well", { error: String(error) });
      }
    },
  };
}
