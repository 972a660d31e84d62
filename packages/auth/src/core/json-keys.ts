/** Up to this many keys of an object are compared one by one; beyond it a set, so that 100,000 keys cost no more than their bytes. */
const FEW_KEYS = 12;
/** What is kept of a key: its hash, where it starts and where it ends. */
const RECORD = 3;

/**
 * The keys seen in every open object, as places in the bytes, without making strings of them. An object with an escaped key or with many
 * keys falls back to a set of decoded strings: there the engine's own, seeded hash counts, and collisions of ours cannot be made to hurt.
 */
export class OpenObjects {
  private readonly records: number[] = [];
  private top = 0;
  /** For each open object or array: where its records begin (-1 for an array), and its set once it has one. */
  private readonly bases: number[] = [];
  private readonly sets: (Set<string> | undefined)[] = [];

  constructor(
    private readonly bytes: Uint8Array,
    private readonly decode: (start: number, end: number) => string,
  ) {}

  /** @returns the depth from now on. */
  enterObject(): number {
    this.sets.push(undefined);
    return this.bases.push(this.top);
  }

  enterArray(): number {
    this.sets.push(undefined);
    return this.bases.push(-1);
  }

  leave(): void {
    const base = this.bases.pop();
    this.sets.pop();
    if (base !== undefined && base !== -1) this.top = base;
  }

  inObject(): boolean {
    const base = this.bases[this.bases.length - 1];
    return base !== undefined && base !== -1;
  }

  /** @returns false if the innermost object has the key from `start` to `end` already. The key holds no escapes. */
  add(hash: number, start: number, end: number): boolean {
    const base = this.bases[this.bases.length - 1] ?? 0;
    const full = this.top - base >= FEW_KEYS * RECORD;
    if (full || this.sets[this.sets.length - 1] !== undefined) return this.addDecoded(this.decode(start, end));
    const { records } = this;
    for (let at = base; at < this.top; at += RECORD) {
      if (records[at] === hash && this.same(at, start, end)) return false;
    }
    records[this.top] = hash;
    records[this.top + 1] = start;
    records[this.top + 2] = end;
    this.top += RECORD;
    return true;
  }

  /** @returns false if the innermost object has the key already. From now on this object keeps a set. */
  addDecoded(key: string): boolean {
    const set = this.sets[this.sets.length - 1] ?? this.makeSet();
    return set.size !== set.add(key).size;
  }

  private makeSet(): Set<string> {
    const set = new Set<string>();
    for (let at = this.bases[this.bases.length - 1] ?? 0; at < this.top; at += RECORD) {
      set.add(this.decode(this.records[at + 1] ?? 0, this.records[at + 2] ?? 0));
    }
    this.sets[this.sets.length - 1] = set;
    return set;
  }

  private same(record: number, start: number, end: number): boolean {
    const other = this.records[record + 1] ?? 0;
    if ((this.records[record + 2] ?? 0) - other !== end - start) return false;
    for (let offset = 0; offset < end - start; offset++) {
      if (this.bytes[other + offset] !== this.bytes[start + offset]) return false;
    }
    return true;
  }
}
