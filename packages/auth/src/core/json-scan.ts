import { isExactNumber } from "./json-number.js";

/** Why a JSON text is not one that every parser reads alike. */
export type JsonFault = "depth" | "duplicate" | "prototype" | "surrogate" | "string";

export interface JsonScan {
  readonly fault: JsonFault | undefined;
  /** The key at fault, decoded, for `duplicate`. */
  readonly key: string | undefined;
  readonly inexactNumbers: boolean;
}

/** Up to here strings are walked; longer ones are jumped over with `indexOf`, which looks at many bytes at a time. */
const SHORT = 24;
/** A literal this short without exponent has at most 15 digits, and those a double always keeps (IEEE 754, DBL_DIG). */
const SURELY_EXACT = 15;
const LONE_SURROGATE = /\p{Surrogate}/u;

const QUOTE = 0x22;
const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const UPPER_E = 0x45;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const LOWER_E = 0x65;
const LOWER_U = 0x75;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * One pass over JSON text that finds what `JSON.parse` forgives: nesting deeper than `maxDepth`, a key twice in one object (escapes decoded)
 * at any depth, `__proto__` as a key, escapes of lone surrogates, and numbers that a double does not hold. The grammar is left to
 * `JSON.parse`, which has to accept the same text; for text that it refuses the answer means nothing, but it always comes, in linear time
 * and unthrown. The scan stops at the first fault, so that deep nesting is found before anything is built.
 */
export function scanJson(text: string, maxDepth: number): JsonScan {
  return new Scanner(text, maxDepth).run();
}

class Scanner {
  private position = 0;
  private fault: JsonFault | undefined;
  private key: string | undefined;
  private inexactNumbers = false;
  /** The keys seen in each open object; `undefined` for an open array. */
  private readonly open: (Keys | undefined)[] = [];
  /** What {@link stringEnd} met on its way: any escape, and one that may be of a surrogate. */
  private escape = false;
  private surrogate = false;
  /** The next quote and backslash as far as looked up: each is searched for once, so that jumping stays linear. */
  private nextQuote = -1;
  private nextBackslash = -1;

  constructor(
    private readonly text: string,
    private readonly maxDepth: number,
  ) {}

  run(): JsonScan {
    const { text } = this;
    while (this.position < text.length && this.fault === undefined) {
      const code = text.charCodeAt(this.position);
      if (code === QUOTE) this.string(this.position + 1);
      else if (code === MINUS || (code >= ZERO && code <= NINE)) this.number(this.position);
      else {
        if (code === OPEN_OBJECT) this.enter(new Keys());
        else if (code === OPEN_ARRAY) this.enter(undefined);
        else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) this.open.pop();
        this.position++;
      }
    }
    return { fault: this.fault, key: this.key, inexactNumbers: this.inexactNumbers };
  }

  private enter(keys: Keys | undefined): void {
    if (this.open.push(keys) > this.maxDepth) this.fault = "depth";
  }

  private string(start: number): void {
    this.escape = false;
    this.surrogate = false;
    const end = this.stringEnd(start);
    this.position = end + 1;
    if (end === -1) {
      this.fault = "string";
      return;
    }
    const keys = this.open[this.open.length - 1];
    const isKey = keys !== undefined && this.colonFollows();
    if (isKey) this.addKey(keys, this.decode(start, end));
    else if (this.surrogate) this.decode(start, end);
  }

  private stringEnd(start: number): number {
    const { text } = this;
    const near = Math.min(start + SHORT, text.length);
    let position = start;
    while (position < near) {
      const code = text.charCodeAt(position);
      if (code === QUOTE) return position;
      position += code === BACKSLASH ? this.skipEscape(position) : 1;
    }
    return this.farStringEnd(position);
  }

  private farStringEnd(from: number): number {
    let position = from;
    for (;;) {
      if (this.nextQuote < position) this.nextQuote = this.text.indexOf('"', position);
      if (this.nextQuote === -1) return -1;
      if (this.nextBackslash < position) {
        const found = this.text.indexOf("\\", position);
        this.nextBackslash = found === -1 ? Number.POSITIVE_INFINITY : found;
      }
      if (this.nextBackslash > this.nextQuote) return this.nextQuote;
      position = this.nextBackslash + this.skipEscape(this.nextBackslash);
    }
  }

  /** Length of what is safe to skip at a backslash; the hexadecimal digits of `\u` hold no quote and no backslash anyway. */
  private skipEscape(backslash: number): number {
    this.escape = true;
    if (this.text.charCodeAt(backslash + 1) === LOWER_U && (this.text.charCodeAt(backslash + 2) | 0x20) === 0x64) {
      this.surrogate = true;
    }
    return 2;
  }

  private colonFollows(): boolean {
    const { text } = this;
    let code = text.charCodeAt(this.position);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) code = text.charCodeAt(++this.position);
    return code === COLON;
  }

  /** The string's value. RFC 7493 §2.1: lone surrogates are refused; parsers replace them, and two keys become one. */
  private decode(start: number, end: number): string {
    const raw = this.text.slice(start, end);
    if (!this.escape) return raw;
    try {
      const decoded: string = JSON.parse(`"${raw}"`);
      if (this.surrogate && LONE_SURROGATE.test(decoded)) this.fault = "surrogate";
      return decoded;
    } catch {
      this.fault = "string";
      return raw;
    }
  }

  private addKey(keys: Keys, key: string): void {
    if (this.fault !== undefined) return;
    if (key === "__proto__") this.fault = "prototype";
    else if (!keys.add(key)) {
      this.fault = "duplicate";
      this.key = key;
    }
  }

  private number(start: number): void {
    const { text } = this;
    let end = start + 1;
    let exponent = false;
    for (; ; end++) {
      const code = text.charCodeAt(end);
      if (code >= ZERO && code <= NINE) continue;
      if (code === LOWER_E || code === UPPER_E) exponent = true;
      else if (code !== DOT && code !== PLUS && code !== MINUS) break;
    }
    this.position = end;
    if ((exponent || end - start > SURELY_EXACT) && !isExactNumber(text.slice(start, end))) this.inexactNumbers = true;
  }
}

/** Up to this many keys an array is searched; beyond it a set, so that an object of 100,000 keys costs no more than its bytes. */
const FEW_KEYS = 12;

class Keys {
  private readonly few: string[] = [];
  private many: Set<string> | undefined;

  /** @returns false if the key was there already. */
  add(key: string): boolean {
    if (this.many !== undefined) return this.many.size !== this.many.add(key).size;
    if (this.few.includes(key)) return false;
    if (this.few.push(key) > FEW_KEYS) this.many = new Set(this.few);
    return true;
  }
}
