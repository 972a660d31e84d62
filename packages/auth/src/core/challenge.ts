/** One challenge of a `WWW-Authenticate` header (RFC 9110 §11.6.1). Scheme as written; parameter names in lower case, unescaped values. */
export interface Challenge {
  readonly scheme: string;
  readonly token68?: string;
  /** Without prototype when parsed, so that no parameter can hide behind an inherited name. */
  readonly parameters: Readonly<Record<string, string>>;
}

// RFC 9110 §5.6.2 and §11.2. Sticky, so that every one of them looks at one position only and the parser stays linear.
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;
const EQUALS = /[ \t]*=[ \t]*/y;
const QUOTED_STRING = /"((?:[\t \x21\x23-\x5b\x5d-\x7e]|\\[\t\x20-\x7e])*)"/y;
/** RFC 9110 §5.6.1.2: empty list elements are to be ignored. */
const LIST_GAP = /[ \t]*(?:,[ \t]*)*/y;
const SPACES = / +/y;
const NO_ELEMENT = /[ \t]*(?=,|$)/y;
const OPTIONAL_SPACE = /[ \t]*/y;

const WHOLE_TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const WHOLE_TOKEN68 = /^[A-Za-z0-9\-._~+/]+=*$/;
const SENDABLE = /^[\t\x20-\x7e]*$/;

class Reader {
  position = 0;
  constructor(readonly text: string) {}

  /** What `pattern` matches right here, and the reader moves behind it; `undefined` and no move otherwise. */
  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.position;
    const match = pattern.exec(this.text) ?? undefined;
    if (match !== undefined) this.position = pattern.lastIndex;
    return match;
  }

  get done(): boolean {
    return this.position >= this.text.length;
  }

  fail(expected: string): never {
    throw new SyntaxError(`WWW-Authenticate: expected ${expected} at position ${this.position}`);
  }
}

interface OpenChallenge {
  scheme: string;
  token68?: string;
  parameters: Record<string, string>;
}

/** Parses all challenges of one header value. @throws SyntaxError naming the position; nothing is guessed. */
export function parseChallenges(value: string): readonly Challenge[] {
  const reader = new Reader(value);
  const challenges: OpenChallenge[] = [];
  /** The challenge that still takes parameters: its scheme was followed by a space, and by no token68. */
  let open: OpenChallenge | undefined;
  reader.take(LIST_GAP);
  while (!reader.done) {
    const start = reader.position;
    const token = (reader.take(TOKEN) ?? reader.fail("a scheme or a parameter"))[0];
    if (open !== undefined && reader.take(EQUALS) !== undefined) {
      addParameter(reader, open, { name: token, start });
    } else {
      const challenge: OpenChallenge = { scheme: token, parameters: Object.create(null) };
      challenges.push(challenge);
      open = readScheme(reader, challenge) ? challenge : undefined;
    }
    endElement(reader);
  }
  if (challenges.length === 0) reader.fail("a scheme");
  return challenges;
}

/** Behind a scheme: nothing, a token68, or parameters, of which the first may be left out as an empty list element. */
function readScheme(reader: Reader, challenge: OpenChallenge): boolean {
  if (reader.take(SPACES) === undefined) return false;
  const token68 = reader.take(TOKEN68);
  if (token68 !== undefined) {
    challenge.token68 = token68[0];
    return false;
  }
  if (reader.take(NO_ELEMENT) !== undefined) return true;
  const start = reader.position;
  const name = (reader.take(TOKEN) ?? reader.fail("a parameter"))[0];
  if (reader.take(EQUALS) === undefined) reader.fail('"="');
  addParameter(reader, challenge, { name, start });
  return true;
}

function addParameter(reader: Reader, challenge: OpenChallenge, parameter: { name: string; start: number }): void {
  const name = parameter.name.toLowerCase();
  if (name in challenge.parameters) {
    reader.position = parameter.start;
    // RFC 9110 §11.2: parameter names must occur once per challenge; which of two would count differs between readers.
    reader.fail("no parameter of the same name again");
  }
  const quoted = reader.take(QUOTED_STRING)?.[1];
  challenge.parameters[name] =
    quoted?.replace(/\\(.)/g, "$1") ?? (reader.take(TOKEN) ?? reader.fail("a token or a quoted string"))[0];
}

function endElement(reader: Reader): void {
  reader.take(OPTIONAL_SPACE);
  if (!reader.done && reader.text[reader.position] !== ",") reader.fail("a comma or the end");
  reader.take(LIST_GAP);
}

/** The inverse of {@link parseChallenges} for one challenge; values are always quoted and escaped. @throws TypeError for what cannot be sent. */
export function formatChallenge(challenge: Challenge): string {
  if (!WHOLE_TOKEN.test(challenge.scheme)) throw new TypeError("challenge: the scheme is not a token");
  const entries = Object.entries(challenge.parameters);
  if (challenge.token68 !== undefined) {
    if (entries.length > 0) throw new TypeError("challenge: token68 and parameters exclude each other");
    if (!WHOLE_TOKEN68.test(challenge.token68)) throw new TypeError("challenge: malformed token68");
    return `${challenge.scheme} ${challenge.token68}`;
  }
  const seen = new Set<string>();
  const parameters = entries.map(([name, value]) => {
    const lower = name.toLowerCase();
    if (!WHOLE_TOKEN.test(name) || seen.has(lower))
      throw new TypeError("challenge: malformed or repeated parameter name");
    // RFC 9110 §5.5: a line break in a value would start a new header.
    if (!SENDABLE.test(value)) throw new TypeError(`challenge: the value of ${lower} cannot be sent in a header`);
    seen.add(lower);
    return `${lower}="${value.replace(/["\\]/g, "\\$&")}"`;
  });
  return parameters.length === 0 ? challenge.scheme : `${challenge.scheme} ${parameters.join(", ")}`;
}
