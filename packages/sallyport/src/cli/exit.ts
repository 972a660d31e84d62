/** Exit codes of every command. `explain` and other questions use 1 for "no". */
export const EXIT = { ok: 0, refused: 1, usage: 2 } as const;

/** A message for the person at the terminal: says what is wrong and what to do. No stack is shown. */
export class CliError extends Error {
  override readonly name = "CliError";
  constructor(
    message: string,
    readonly exitCode: number = EXIT.usage,
  ) {
    super(message);
  }
}
