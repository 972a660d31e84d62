import { readdirSync, readFileSync } from "node:fs";
import type { Command } from "commander";
import { CliError } from "./exit.js";

/** Where the build puts the pages of `docs/`: they come with the package, for the version that runs. */
const FOLDER = new URL("../docs/", import.meta.url);

interface Page {
  readonly name: string;
  readonly text: string;
}

/** The documentation of this very version, for those who have the program and no clone. */
export function addDocsCommand(program: Command): void {
  program
    .command("docs")
    .summary("print a page of the documentation")
    .description("Prints a page of the documentation as Markdown; without a name, which pages there are.")
    .argument("[page]", "for example settings")
    .action((name: string | undefined) => {
      const pages = readPages();
      const page = pages.find((one) => one.name === name);
      if (name !== undefined && page === undefined) {
        const names = pages.map((one) => one.name).join(", ");
        throw new CliError(`there is no page ${JSON.stringify(name)}; there are: ${names}`);
      }
      process.stdout.write(page?.text ?? listOf(pages));
    });
}

function readPages(): readonly Page[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(".md"))
    .sort()
    .map((file) => ({ name: file.slice(0, -".md".length), text: readFileSync(new URL(file, FOLDER), "utf8") }));
}

function listOf(pages: readonly Page[]): string {
  const width = Math.max(...pages.map(({ name }) => name.length)) + 2;
  const lines = pages.map(({ name, text }) => `  ${name.padEnd(width)}${/^# (.*)$/m.exec(text)?.[1] ?? ""}`);
  return [...lines, "", "Print one with: sallyport docs <page>", ""].join("\n");
}
