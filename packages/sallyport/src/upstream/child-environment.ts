type Environment = Readonly<Record<string, string | undefined>>;

/** What a child needs to find programs and to speak a language; nothing that could be a secret of ours (design §5.11). */
const INHERITED: ReadonlySet<string> = new Set(["PATH", "HOME", "LANG", "TZ", "TMPDIR"]);

/** The environment of a stdio child: the allow-listed part of our own, and what the configuration names for it. */
export function childEnvironment(own: Environment, configured: Environment = {}): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) {
    if (value !== undefined && (INHERITED.has(name) || name.startsWith("LC_"))) environment[name] = value;
  }
  for (const [name, value] of Object.entries(configured)) {
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}
