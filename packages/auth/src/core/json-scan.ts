import { OpenObjects } from "./json-keys.js";
import { isExactNumber } from "./json-number.js";

/** Why a JSON text is not one that every parser reads alike; `string`: a string that never ends or has a broken escape. */
export type JsonFault = "depth" | "duplicate" | "prototype" | "surrogate" | "string";

export interface JsonScan {
  readonly fault: JsonFault | undefined;
  /** The key at fault, decoded, for `duplicate`. */
  readonly key: string | undefined;
  readonly inexactNumbers: boolean;
}

/** After this many plain characters a string is jumped through with `indexOf`, which looks at many of them at a time. */
const WALK = 24;
/** A literal this short without exponent has at most 15 digits, and those a double always keeps (IEEE 754, DBL_DIG). */
const SURELY_EXACT = 15;
/** Assigned instead of parsed, it would change an object's prototype. */
const PROTOTYPE = "__proto__";
const PROTOTYPE_HASH = Array.from(PROTOTYPE, (character) => character.charCodeAt(0)).reduce(mix, 0);
const LONE_SURROGATE = /\p{Surrogate}/u;
const LENIENT_UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const UPPER_E = 0x45;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const LOWER_D = 0x64;
const LOWER_E = 0x65;
const LOWER_U = 0x75;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const LOWER_CASE = 0x20;

/**
 * One pass over a JSON text, given as its bytes and decoded, that finds what `JSON.parse` forgives: nesting deeper than `maxDepth`, a key twice in one object
 * (escapes decoded) at any depth, `__proto__` as a key, escapes of lone surrogates, and numbers that a double does not hold. UTF-8 is
 * the business of whoever decoded it; the grammar that of `JSON.parse`, which has to accept the same text: for text that it refuses the
 * answer means nothing, but it always comes, in linear time and unthrown. The scan stops at the first fault, so that deep nesting is found
 * before anything is built.
 */
export function scanJson(bytes: Uint8Array, text: string, maxDepth: number): JsonScan {
  return new Scanner(bytes, text, maxDepth).run();
}

/** Cheap, and that is enough: equal hashes are compared byte by byte, in objects of few keys only. */
function mix(hash: number, code: number): number {
  return (Math.imul(hash, 31) + code) | 0;
}

function indexOrEnd(text: string, character: string, from: number): number {
  const index = text.indexOf(character, from);
  return index === -1 ? text.length : index;
}

class Scanner {
  private position = 0;
  private fault: JsonFault | undefined;
  private key: string | undefined;
  private inexactNumbers = false;
  private readonly objects: OpenObjects;
  /** The text, if all of it is ASCII. */
  private readonly ascii: string | undefined;
  /** What the string just read held: any escape, and one that may be of a surrogate. */
  private escaped = false;
  private surrogate = false;
  /** The next quote and backslash as far as looked up: each is searched for once, so that jumping stays linear. */
  private nextQuote = -1;
  private nextBackslash = -1;

  constructor(
    private readonly bytes: Uint8Array,
    text: string,
    private readonly maxDepth: number,
  ) {
    this.ascii = text.length === bytes.length ? text : undefined;
    this.objects = new OpenObjects(bytes, (start, end) => this.decode(start, end));
  }

  run(): JsonScan {
    const { bytes } = this;
    /** In JSON a string is a key exactly if it follows `{`, or a comma in an object. */
    let keyNext = false;
    while (this.position < bytes.length && this.fault === undefined) {
      const code = bytes[this.position] ?? 0;
      if (code === QUOTE) {
        if (keyNext) this.keyString(this.position + 1);
        else this.valueString(this.position + 1);
        keyNext = false;
      } else if (code === MINUS || (code >= ZERO && code <= NINE)) this.number(this.position);
      else {
        this.position++;
        if (code === COMMA) keyNext = this.objects.inObject();
        else if (code === OPEN_OBJECT || code === OPEN_ARRAY) keyNext = this.enter(code === OPEN_OBJECT);
        else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) this.objects.leave();
      }
    }
    return { fault: this.fault, key: this.key, inexactNumbers: this.inexactNumbers };
  }

  private enter(object: boolean): boolean {
    const depth = object ? this.objects.enterObject() : this.objects.enterArray();
    if (depth > this.maxDepth) this.fault = "depth";
    return object;
  }

  private keyString(start: number): void {
    const { bytes } = this;
    this.escaped = false;
    this.surrogate = false;
    let hash = 0;
    let end = start;
    for (; bytes[end] !== QUOTE; end++) {
      const code = bytes[end];
      if (code === undefined) {
        this.fault = "string";
        return;
      }
      if (code === BACKSLASH) end = this.skipEscape(end) - 1;
      hash = mix(hash, code);
    }
    this.position = end + 1;
    if (this.escaped || hash === PROTOTYPE_HASH) this.decodedKey(this.decode(start, end));
    else if (!this.objects.add(hash, start, end)) this.duplicate(this.decode(start, end));
  }

  private decodedKey(key: string): void {
    if (key === PROTOTYPE) this.fault = "prototype";
    if (this.surrogate) this.refuseLoneSurrogates(key);
    if (this.fault === undefined && !this.objects.addDecoded(key)) this.duplicate(key);
  }

  private duplicate(key: string): void {
    this.fault = "duplicate";
    this.key = key;
  }

  private valueString(start: number): void {
    const { bytes } = this;
    const { length } = bytes;
    this.surrogate = false;
    const near = this.ascii === undefined ? length : Math.min(start + WALK, length);
    let end = start;
    while (end < near) {
      const code = bytes[end];
      if (code === QUOTE) break;
      end = code === BACKSLASH ? this.skipEscape(end) : end + 1;
    }
    if (end >= near && this.ascii !== undefined) end = this.jump(this.ascii, end);
    if (end >= length) {
      this.fault = "string";
      return;
    }
    this.position = end + 1;
    if (this.surrogate) this.refuseLoneSurrogates(this.decode(start, end));
  }

  /** The end of a long string: from backslash to backslash until a quote comes first. */
  private jump(text: string, from: number): number {
    let position = from;
    for (;;) {
      if (this.nextQuote < position) this.nextQuote = indexOrEnd(text, '"', position);
      if (this.nextBackslash < position) this.nextBackslash = indexOrEnd(text, "\\", position);
      if (this.nextBackslash >= this.nextQuote) return this.nextQuote;
      position = this.skipEscape(this.nextBackslash);
      while (this.bytes[position] === BACKSLASH) position = this.skipEscape(position);
    }
  }

  /** Where reading goes on after a backslash; the digits of `\u` hold no quote and no backslash, so two bytes are enough. */
  private skipEscape(backslash: number): number {
    this.escaped = true;
    const { bytes } = this;
    if (bytes[backslash + 1] === LOWER_U && ((bytes[backslash + 2] ?? 0) | LOWER_CASE) === LOWER_D)
      this.surrogate = true;
    return backslash + 2;
  }

  /** RFC 7493 §2.1: parsers replace lone surrogates, and two names become one. */
  private refuseLoneSurrogates(text: string): void {
    if (LONE_SURROGATE.test(text)) this.fault ??= "surrogate";
  }

  private decode(start: number, end: number): string {
    const raw = LENIENT_UTF8.decode(this.bytes.subarray(start, end));
    if (!raw.includes("\\")) return raw;
    try {
      return JSON.parse(`"${raw}"`);
    } catch {
      this.fault = "string";
      return raw;
    }
  }

  private number(start: number): void {
    const { bytes } = this;
    let end = start + 1;
    let exponent = false;
    for (; ; end++) {
      const code = bytes[end] ?? 0;
      if (code >= ZERO && code <= NINE) continue;
      if (code === LOWER_E || code === UPPER_E) exponent = true;
      else if (code !== DOT && code !== PLUS && code !== MINUS) break;
    }
    this.position = end;
    if ((exponent || end - start > SURELY_EXACT) && !isExactNumber(this.decode(start, end))) this.inexactNumbers = true;
  }
}
