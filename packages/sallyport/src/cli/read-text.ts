import { readFileSync } from "node:fs";
import { CliError } from "./exit.js";

/** Why the system did not read a file, in words. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EISDIR: "it is a folder",
  EACCES: "this user may not read it",
  EPERM: "this user may not read it",
};

/** The text of a file that somebody named. @throws CliError that begins with `named`, which by default is the file. */
export function readText(file: string, named = file): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    throw new CliError(`${named}: cannot be read: ${REASONS[code] ?? code}`);
  }
}
