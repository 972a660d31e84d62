/**
 * docs/errors.md: every refusal with its status, code and public text from the table of the library, and what to do about it from
 * error-advice.json. Throws for a refusal without advice, and for advice without a refusal.
 */
export function formatErrorsPage(errors, { refusals, calls }) {
  const missing = Object.keys(errors).filter((reason) => refusals[reason] === undefined);
  const extra = Object.keys(refusals).filter((reason) => errors[reason] === undefined);
  if (missing.length > 0) throw new Error(`scripts/error-advice.json says nothing about: ${missing.join(", ")}`);
  if (extra.length > 0)
    throw new Error(`scripts/error-advice.json speaks of reasons that do not exist: ${extra.join(", ")}`);
  return [
    "# What each refusal means",
    "",
    "<!-- Written by `npm run docs` from packages/auth/src/core/oauth-error.ts and scripts/error-advice.json. -->",
    "",
    "Every refusal has a stable reason, which the log names, and a fixed public text, which is all that the wire says.",
    "*Whose turn* says which side can change it: the **client**, the **person** in the browser, or the **operator** of this server.",
    "",
    "## Answers to calls",
    "",
    "| answer | whose turn | what it means | what to do |",
    "|---|---|---|---|",
    ...calls.map((row) => `| ${row.join(" | ")} |`),
    "",
    "## Reasons in the log",
    "",
    ...Object.entries(errors).flatMap(([reason, row]) => section(reason, row, refusals[reason])),
  ].join("\n");
}

function section(reason, { error, status, description }, [side, meaning, remedy]) {
  return [
    `### ${reason}`,
    "",
    `\`${status}\`${error === undefined ? ", no error code (RFC 6750 §3.1)" : ` \`${error}\``}: “${description}” Whose turn: **${side}**.`,
    "",
    `${meaning} ${remedy}`,
    "",
  ];
}
