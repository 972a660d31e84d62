/** What the program composes of the decision log. */
export type { ChainWriter } from "./chain-writer.js";
export { createCommitments } from "./commitment.js";
export { type Decided, type DecisionRecorder, LogUnavailable } from "./contract.js";
export { eraseArguments } from "./erase.js";
export { EXPORTS, type ExportFormat } from "./export.js";
export { exportNew, followExport } from "./export-run.js";
export { formatHead, type Head, parseHead } from "./lines.js";
export { readPublicLogKey } from "./log-key.js";
export { openDecisionLog } from "./open-log.js";
export { type ReadRecord, readArguments, readHeads, readRecords } from "./read.js";
export { createRecorder } from "./recorder.js";
export { createRedactor, REDACTED } from "./redact.js";
export { applyRetention } from "./retention.js";
export { type ScannedRecord, type SharedRecord, scanRecords } from "./scan.js";
export { createLogVerifier, type LogSigner } from "./signatures.js";
export { createTarget, TARGET_FORMS } from "./targets.js";
export { type LogReport, verifyLog } from "./verify.js";
