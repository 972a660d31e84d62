import { afterEach, beforeEach, vi } from "vitest";

/** What the commands of a test write, instead of on the terminal. Empty at the start of each test; a test may empty it itself. */
export interface KeptOutput {
  output: string;
  errors: string;
}

/** For the tests of a file, or of the `describe` that calls it. */
export function keepOutput(): KeptOutput {
  const kept = { output: "", errors: "" };
  const keepIn = (which: keyof KeptOutput) => (text: string | Uint8Array) => {
    kept[which] += String(text);
    return true;
  };
  beforeEach(() => {
    Object.assign(kept, { output: "", errors: "" });
    vi.spyOn(process.stdout, "write").mockImplementation(keepIn("output"));
    vi.spyOn(process.stderr, "write").mockImplementation(keepIn("errors"));
  });
  afterEach(() => void vi.restoreAllMocks());
  return kept;
}
