/** A tool's text as a value: JSON, or the text itself. */
export function parseText(said: string): unknown {
  try {
    return JSON.parse(said);
  } catch {
    return said;
  }
}

/** What a failure says, for people: the CRM answers `{"error": "…"}`. */
export function sentenceOf(said: string): string {
  const value = parseText(said);
  if (typeof value === "string") return value;
  const { error } = Object(value) as { readonly error?: unknown };
  return typeof error === "string" ? error : "The CRM gave no reason.";
}
