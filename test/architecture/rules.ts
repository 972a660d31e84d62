import { ENTRIES, folderOf, LEVELS, SYSTEM } from "./levels.js";
import { enclosingBracket, exportsOf, type Import, importsOf, maskText, parameterListsOf } from "./scan.js";

/** Path from the root of the repository → text. A rule sees nothing else, so that it can be fed a bad tree. */
export type Tree = ReadonlyMap<string, string>;

export interface Rule {
  readonly title: string;
  /** One line per violation: where, what, and what to do about it. */
  check(tree: Tree): readonly string[];
}

/** Tests, and what only tests use; `@sallyport/auth/testing` is public, and so a source. */
export const isTest = (path: string) =>
  /\.(?:test|contract)\.tsx?$/.test(path) ||
  !path.startsWith("packages/") ||
  /^packages\/sallyport\/.*\/testing\//.test(path);
const isSource = (path: string) => /^packages\/[^/]+\/src\/.*\.tsx?$/.test(path) && !isTest(path);

const sources = (tree: Tree) => [...tree].filter(([path]) => isSource(path));

/** Where an import leads inside the repository; `undefined` for a package or a built-in module. */
export function resolveImport(from: string, specifier: string, tree: Tree): string | undefined {
  const entry = ENTRIES[specifier];
  if (entry !== undefined) return entry;
  if (!specifier.startsWith(".")) return undefined;
  const joined = new URL(specifier, `file:///${from}`).pathname.slice(1);
  const typescript = [joined.replace(/\.jsx?$/, ".ts"), joined.replace(/\.jsx?$/, ".tsx")];
  return typescript.find((path) => tree.has(path)) ?? joined;
}

function* importEdges(tree: Tree): Generator<{ from: string; to: string; edge: Import }> {
  for (const [from, text] of sources(tree)) {
    for (const edge of importsOf(text)) {
      const to = resolveImport(from, edge.specifier, tree);
      if (to !== undefined) yield { from, to, edge };
    }
  }
}

function levels(tree: Tree): readonly string[] {
  const unplaced = sources(tree)
    .filter(([path]) => folderOf(path) === undefined)
    .map(
      ([path]) =>
        `${path}: no level. Put it into a folder of test/architecture/levels.ts, or give its folder a row there.`,
    );
  const upward = [...importEdges(tree)].flatMap(({ from, to }) => {
    const [above, below] = [folderOf(from), folderOf(to)];
    if (above === undefined || above === below) return [];
    if (below === undefined)
      return [`${from}: imports ${to}, which is outside the layout. Import from a folder that has a level.`];
    if (LEVELS[above]! > LEVELS[below]!) return [];
    return [
      `${from}: level ${LEVELS[above]} imports ${to} of level ${LEVELS[below]}. Declare a port here and let a higher level join it.`,
    ];
  });
  return [...unplaced, ...upward];
}

function storesOnlyInCli(tree: Tree): readonly string[] {
  return [...importEdges(tree)]
    .filter(({ from, to }) => folderOf(to) === STORES && ![STORES, CLI].includes(folderOf(from) ?? ""))
    .map(({ from, to }) => `${from}: imports ${to}. Take the interface as an argument; only cli/ picks a store.`);
}

const STORES = "packages/sallyport/src/stores";
const CLI = "packages/sallyport/src/cli";

function cycles(tree: Tree): readonly string[] {
  const graph = new Map<string, string[]>();
  for (const { from, to } of importEdges(tree)) graph.set(from, [...(graph.get(from) ?? []), to]);
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) {
      const loop = [...trail.slice(trail.indexOf(path)), path];
      found.push(`${loop.join(" → ")}: a cycle. Move what both need into a file of its own.`);
      return;
    }
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}

function coreIsPure(tree: Tree): readonly string[] {
  const core = sources(tree).filter(([path]) => path.startsWith("packages/auth/src/core/"));
  return core.flatMap(([path, text]) => [
    ...importsOf(text)
      .filter(({ specifier }) => resolveImport(path, specifier, tree)?.startsWith("packages/auth/src/core/") !== true)
      .map(
        ({ specifier }) => `${path}: core imports ${specifier}. Core imports nothing outside core; pass the value in.`,
      ),
    ...matches(text, /\b(?:async|await|Promise)\b/g).map(
      ({ line, found }) => `${path}:${line}: ${found} in core. Core is synchronous; whoever calls it does the waiting.`,
    ),
  ]);
}

const AMBIENT =
  /\bDate\.now\b|\bnew Date\(\s*\)|\bnew Date\b(?!\s*\()|(?<!\bnew )\bDate\(|\bMath\.random\b|\bcrypto\.(?:getRandomValues|randomUUID|randomBytes|randomInt)\b|\bperformance\.(?:now|timeOrigin)\b|\bprocess\.(?:hrtime|uptime)\b|(?<![\w.])console\b/g;
const RANDOM_NAMES = ["randomBytes", "randomUUID", "randomInt", "randomFill", "randomFillSync", "webcrypto"];

function oneSystem(tree: Tree): readonly string[] {
  return sources(tree)
    .filter(([path]) => path !== SYSTEM)
    .flatMap(([path, text]) => [
      ...matches(text, AMBIENT).map(
        ({ line, found }) =>
          `${path}:${line}: ${found}. Take \`now\` or a \`System\` as an argument; only ${SYSTEM} touches these.`,
      ),
      ...importsOf(text)
        .filter(({ specifier }) => /^(?:node:)?(?:crypto|perf_hooks|console)$/.test(specifier))
        .flatMap(({ names, specifier }) => names.map((name) => ({ name, specifier })))
        .filter(({ name, specifier }) => RANDOM_NAMES.includes(name) || !/crypto$/.test(specifier))
        .map(({ name, specifier }) => `${path}: imports ${name} of ${specifier}. Take a \`System\` as an argument.`),
    ]);
}

/** Entries that run wherever there are web standards, with everything that they reach. */
const WEB_ENTRIES = ["", "/authorization-server", "/client", "/hono", "/testing"].map(
  (name) => ENTRIES[`@sallyport/auth${name}`]!,
);

function nodeOnlyInAdapter(tree: Tree): readonly string[] {
  const onTheWeb = reachable(tree, WEB_ENTRIES);
  return sources(tree)
    .filter(([path]) => path.startsWith("packages/auth/"))
    .filter(([path]) => onTheWeb.has(path) || !path.startsWith("packages/auth/src/adapters/"))
    .flatMap(([path, text]) =>
      importsOf(text)
        .filter(({ specifier }) => specifier.startsWith("node:"))
        .map(
          ({ specifier }) =>
            `${path}: imports ${specifier}. The library runs on web standards; only adapters that no web entry reaches may need Node.`,
        ),
    );
}

function reachable(tree: Tree, from: readonly string[]): ReadonlySet<string> {
  const reached = new Set(from);
  const edges = [...importEdges(tree)];
  for (const path of reached) for (const { to } of edges.filter((edge) => edge.from === path)) reached.add(to);
  return reached;
}

/** What each package may import at run time; frameworks are types only. */
function dependencies(tree: Tree): readonly string[] {
  const frameworks = ["express", "fastify", "hono"];
  return sources(tree)
    .filter(([path]) => path.startsWith("packages/auth/"))
    .flatMap(([path, text]) =>
      importsOf(text)
        .filter(({ specifier }) => !/^(?:\.|node:)/.test(specifier) && specifier !== "jose")
        .filter(
          ({ specifier, typeOnly }) =>
            !(typeOnly && frameworks.some((name) => isPackage(specifier, name)) && path.includes("/adapters/")),
        )
        .map(
          ({ specifier }) =>
            `${path}: imports ${specifier}. @sallyport/auth depends on jose alone; a framework is \`import type\` in its adapter.`,
        ),
    );
}

const isPackage = (specifier: string, name: string) => specifier === name || specifier.startsWith(`${name}/`);

function processOnlyInCli(tree: Tree): readonly string[] {
  return sources(tree)
    .filter(([path]) => !path.startsWith(`${CLI}/`))
    .flatMap(([path, text]) => [
      ...matches(text, /\bprocess\.(?:argv|env|exit|exitCode)\b/g).map(
        ({ line, found }) =>
          `${path}:${line}: ${found}. Only ${CLI} reads arguments and environment and sets exit codes.`,
      ),
      ...importsOf(text)
        .filter(
          ({ specifier, names }) =>
            /^(?:node:)?process$/.test(specifier) && names.some((name) => /^(?:argv|env|exit)/.test(name)),
        )
        .map(({ specifier }) => `${path}: imports ${specifier}. Only ${CLI} reads arguments and environment.`),
    ]);
}

function fileNames(tree: Tree): readonly string[] {
  return [...tree.keys()]
    .filter((path) => /(?:^|[/_.-])(?:utils?|helpers?|common|misc|shared)(?=[/.]|$)/i.test(path))
    .map((path) => `${path}: a drawer. Name the file after the one idea in it.`);
}

const LIMITS = { file: 400, test: 600, median: 110, p95: 300 } as const;

function fileLengths(tree: Tree): readonly string[] {
  return [...tree]
    .map(([path, text]) => ({ path, lines: linesOf(text), limit: isTest(path) ? LIMITS.test : LIMITS.file }))
    .filter(({ lines, limit }) => lines > limit)
    .map(({ path, lines, limit }) => `${path}: ${lines} lines, the limit is ${limit}. Split it by idea.`);
}

function lengthDistribution(tree: Tree): readonly string[] {
  const lengths = sources(tree)
    .map(([, text]) => linesOf(text))
    .sort((a, b) => a - b);
  const at = (part: number) => lengths[Math.min(lengths.length - 1, Math.floor(lengths.length * part))] ?? 0;
  const messages: string[] = [];
  if (at(0.5) > LIMITS.median)
    messages.push(`The median source has ${at(0.5)} lines, the limit is ${LIMITS.median}. Split the longest files.`);
  if (at(0.95) > LIMITS.p95)
    messages.push(`The 95th percentile has ${at(0.95)} lines, the limit is ${LIMITS.p95}. Split the longest files.`);
  return messages;
}

const linesOf = (text: string) => text.replace(/\n$/, "").split("\n").length;

/** Three values, besides the time and one options object. A list without types implements one that is declared, and counted, elsewhere. */
const NOT_COUNTED = /^(?:readonly )?(?:this|now|options)\b|^\w+\??: (?:Readonly<)?\{/;
/** WebCrypto's own order of `verify`, which the port mirrors. */
const MIRRORED = ["algorithm", "key", "signingInput", "signature"];

function positionalParameters(tree: Tree): readonly string[] {
  return sources(tree).flatMap(([path, text]) =>
    parameterListsOf(text)
      .filter(({ parameters }) => parameters.some((parameter) => /^(?:readonly )?[\w.]+\??:/.test(parameter)))
      .filter(({ parameters }) => parameters.map((parameter) => parameter.split(":")[0]).join() !== MIRRORED.join())
      .map((list) => ({ ...list, count: list.parameters.filter((parameter) => !NOT_COUNTED.test(parameter)).length }))
      .filter(({ count }) => count > 3)
      .map(
        ({ line, name, count }) =>
          `${path}:${line}: ${name || "a function"} takes ${count} positional parameters. Hand in one object.`,
      ),
  );
}

/** Wire members (RFC 6749, 7591, 7636, 8414, 8693, 8707, 9728) whose camelCase twin as a member would be a second name for one thing. */
const TWINS = [
  "redirectUri",
  "redirectUris",
  "codeChallenge",
  "codeChallengeMethod",
  "codeChallengeMethodsSupported",
  "codeVerifier",
  "grantType",
  "grantTypesSupported",
  "responseType",
  "responseTypesSupported",
  "tokenType",
  "expiresIn",
  "authTime",
  "authorizationServers",
  "scopesSupported",
  "resourceMetadata",
  "bearerMethodsSupported",
  "tokenEndpointAuthMethod",
  "jwksUri",
  "authorizationEndpoint",
  "registrationEndpoint",
  "revocationEndpoint",
  "introspectionEndpoint",
  "subjectToken",
  "subjectTokenType",
  "actorToken",
  "requestedTokenType",
  "issuedTokenType",
  "clientAssertion",
  "clientAssertionType",
  "errorDescription",
  "errorUri",
  "clientName",
  "clientUri",
  "applicationType",
  "logoUri",
  "policyUri",
  "tosUri",
  "idToken",
  "mayAct",
  "dpopJkt",
];

/** The words of the configuration file are our own options. */
const OWN_OPTIONS = "packages/sallyport/src/config/";

function wireNames(tree: Tree): readonly string[] {
  const twin = new RegExp(`(?<![\\w$.?])(?:${TWINS.join("|")})\\??:`, "g");
  return sources(tree)
    .filter(([path]) => !path.startsWith(OWN_OPTIONS))
    .flatMap(([path, text]) => {
      const code = maskText(text);
      return matches(text, twin)
        .filter(({ index }) => enclosingBracket(code, index) === "{")
        .map(
          ({ line, found }) =>
            `${path}:${line}: ${found} Wire members keep their wire names: ${snakeCase(found.replace(/\??:$/, ""))}.`,
        );
    });
}

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function namedExports(tree: Tree): readonly string[] {
  return sources(tree).flatMap(([path, text]) => {
    const { hasDefault, hasStar } = exportsOf(text);
    return [
      ...(hasDefault ? [`${path}: a default export. Name it: a name can be searched for.`] : []),
      ...(hasStar && !/^export type \*/m.test(text)
        ? [`${path}: export *. List the names: adding a line is what makes one public.`]
        : []),
    ];
  });
}

function usedExports(tree: Tree): readonly string[] {
  const files = new Map<string, number>();
  for (const text of tree.values()) {
    for (const word of new Set(maskText(text).match(/[\w$]+/g))) files.set(word, (files.get(word) ?? 0) + 1);
  }
  return sources(tree)
    .filter(([path]) => !Object.values(ENTRIES).includes(path))
    .flatMap(([path, text]) =>
      exportsOf(text)
        .values.filter((name) => (files.get(name) ?? 0) < 2)
        .map((name) => `${path}: nobody uses ${name}. Remove the export, or the thing.`),
    );
}

function matches(text: string, pattern: RegExp): readonly { line: number; index: number; found: string }[] {
  const code = maskText(text);
  return [...code.matchAll(pattern)].map((match) => ({
    index: match.index,
    line: code.slice(0, match.index).split("\n").length,
    found: match[0],
  }));
}

export const RULES = {
  levels: { title: "imports only point down, and the three roles never import each other", check: levels },
  stores: { title: "only cli/ imports a store", check: storesOnlyInCli },
  cycles: { title: "there is no import cycle", check: cycles },
  core: { title: "core is synchronous and imports nothing outside core", check: coreIsPure },
  system: { title: "only system.ts touches clock, randomness and console", check: oneSystem },
  node: { title: "nothing that runs on the web imports node: modules", check: nodeOnlyInAdapter },
  dependencies: { title: "the library imports jose and nothing else at run time", check: dependencies },
  process: { title: "only cli/ reads argv and environment and sets exit codes", check: processOnlyInCli },
  names: { title: "no file is a drawer", check: fileNames },
  lengths: { title: "no source has more than 400 lines, no test more than 600", check: fileLengths },
  distribution: {
    title: "the median source has at most 110 lines, the 95th percentile 300",
    check: lengthDistribution,
  },
  parameters: { title: "no function takes more than three positional parameters", check: positionalParameters },
  wire: { title: "wire members keep their wire names", check: wireNames },
  exports: { title: "exports are named one by one", check: namedExports },
  unused: { title: "every export is used by another file", check: usedExports },
} as const satisfies Record<string, Rule>;
