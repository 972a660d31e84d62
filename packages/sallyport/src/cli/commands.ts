import type { Command } from "commander";

/** Adds commands to the program; `done` takes the exit code of one that ran. */
export type AddCommands = (program: Command, done: (exitCode: number) => void) => void;

/**
 * The commands by the words that they start with, in the order of the help. Each loads what it needs and no more: a gateway that starts
 * does not wait for the code of `policy replay`.
 */
const COMMANDS: readonly { readonly words: readonly string[]; readonly load: () => Promise<AddCommands> }[] = [
  { words: ["protect"], load: async () => (await import("./protect-command.js")).addProtectCommand },
  { words: ["serve"], load: async () => (await import("./serve-command.js")).addServeCommand },
  {
    words: ["owner", "user", "revoke"],
    load: async () => (await import("./operator-commands.js")).addOperatorCommands,
  },
  { words: ["client"], load: async () => (await import("./client-commands.js")).addClientCommands },
  { words: ["grant", "session"], load: async () => (await import("./access-commands.js")).addAccessCommands },
  { words: ["db"], load: async () => (await import("./db-commands.js")).addDbCommands },
  { words: ["explain"], load: async () => (await import("./explain-command.js")).addExplainCommand },
  { words: ["policy"], load: async () => (await import("./policy-command.js")).addPolicyCommands },
  { words: ["keys"], load: async () => (await import("./keys-command.js")).addKeysCommands },
  { words: ["secret"], load: async () => (await import("./secret-command.js")).addSecretCommands },
  { words: ["log"], load: async () => (await import("./log-command.js")).addLogCommands },
  { words: ["tools"], load: async () => (await import("./tools-command.js")).addToolsCommands },
  { words: ["docs"], load: async () => (await import("./docs-command.js")).addDocsCommand },
];

/** Those of the first word of a command line; all of them where none has that word, for the help and for what is spelt wrong. */
export async function loadCommands(word: string | undefined): Promise<readonly AddCommands[]> {
  const asked = COMMANDS.filter(({ words }) => word !== undefined && words.includes(word));
  return Promise.all((asked.length > 0 ? asked : COMMANDS).map(({ load }) => load()));
}
