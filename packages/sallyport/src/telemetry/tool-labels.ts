/** Tools of one server that get a label of their own. */
const MAX_LABELS = 500;

/** What stands for every other tool. */
export const OTHER = "other";

/**
 * Labels are kept for ever by whoever collects them, so callers must not be able to make any: a tool has its own only where the catalogue knows
 * it, and only the first 500 of one server have.
 */
export function createToolLabels(isKnown: (tool: string) => boolean, max = MAX_LABELS): (tool: string) => string {
  const labels = new Set<string>();
  return (tool) => {
    if (labels.has(tool)) return tool;
    if (labels.size >= max || !isKnown(tool)) return OTHER;
    labels.add(tool);
    return tool;
  };
}
