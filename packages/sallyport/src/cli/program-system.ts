import { type Log, type System, system } from "@sallyport/auth";
import pc from "picocolors";
import { pino } from "pino";
import type { Config } from "../config/schema.js";

type Level = Config["log"]["level"];

const LEVELS: readonly Level[] = ["debug", "info", "warn", "error"];

/** The program's clock, randomness and log. JSON lines on standard error for machines; short lines where a person looks on. */
export function createProgramSystem(level: Level, forPerson: boolean): System {
  return { ...system, log: forPerson ? terminalLog(level) : jsonLog(level) };
}

function jsonLog(level: Level): Log {
  const logger = pino(
    { level, base: null, messageKey: "message", formatters: { level: (label) => ({ level: label }) } },
    pino.destination(2),
  );
  return (at, message, fields) => logger[at](fields ?? {}, message);
}

const COLOURS: Readonly<Record<Level, (text: string) => string>> = {
  debug: pc.dim,
  info: pc.dim,
  warn: pc.yellow,
  error: pc.red,
};

function terminalLog(level: Level): Log {
  return (at, message, fields) => {
    if (LEVELS.indexOf(at) < LEVELS.indexOf(level)) return;
    const rest = fields === undefined ? "" : pc.dim(` ${JSON.stringify(fields)}`);
    process.stderr.write(`  ${COLOURS[at](at)} ${message}${rest}\n`);
  };
}
