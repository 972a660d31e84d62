import type { RecordedQuestion } from "./recorded.js";
import type { Answer, Replayed } from "./replay.js";

/** One recorded decision next to what another policy makes of it. */
export interface Compared {
  /** `<chain>:<number>`, as `log show` takes it. */
  readonly id: string;
  readonly time: number;
  readonly question: RecordedQuestion;
  readonly before: Answer;
  readonly replayed: Replayed;
}

/** Calls that change in the same way by the same rule. */
export interface ReplayGroup {
  readonly server: string;
  /** `tools/<name>` and so on, or the method. */
  readonly target: string;
  readonly before: Answer;
  readonly after: Replayed["answer"];
  readonly rule: string;
  readonly reason: string;
  /** The same in the words of `explain`, where a rule denies. */
  readonly why?: string;
  readonly count: number;
  /** How many calls each caller made; at most 1,000 callers. */
  readonly callers: Readonly<Record<string, number>>;
  /** Integer seconds of the first and the last. */
  readonly first: number;
  readonly last: number;
  /** Ids of at most three. */
  readonly examples: readonly string[];
}

export interface ReplayReport {
  readonly records: number;
  readonly unchanged: number;
  readonly changed: number;
  readonly undecidable: number;
  /** Largest first; refusals before permissions. */
  readonly changes: readonly ReplayGroup[];
  readonly open: readonly ReplayGroup[];
  /** What rules in record mode would have refused, which changes nothing yet. `after` is `rule`. */
  readonly recorded: readonly ReplayGroup[];
  /** The same where they cannot tell; `after` is `undecidable`. */
  readonly unsure: readonly ReplayGroup[];
}

const MAX_CALLERS = 1_000;
const EXAMPLES = 3;

/** Counts differences as they come. */
export class ReplayCounter {
  #records = 0;
  #changed = 0;
  #undecidable = 0;
  readonly #changes = new Groups();
  readonly #open = new Groups();
  readonly #recorded = new Groups();
  readonly #unsure = new Groups();

  add(one: Compared): void {
    const { replayed, before } = one;
    this.#records += 1;
    if (replayed.answer === "undecidable") {
      this.#undecidable += 1;
      this.#open.add(one, replayed);
      return;
    }
    if (replayed.answer !== before) {
      this.#changed += 1;
      this.#changes.add(one, replayed);
    }
    for (const rule of replayed.recorded)
      this.#recorded.add(one, { answer: "rule", rule, reason: "a rule in record mode would have denied" });
    for (const rule of replayed.unsure)
      this.#unsure.add(one, { answer: "undecidable", rule, reason: "a rule in record mode cannot tell" });
  }

  report(): ReplayReport {
    return {
      records: this.#records,
      unchanged: this.#records - this.#changed - this.#undecidable,
      changed: this.#changed,
      undecidable: this.#undecidable,
      changes: this.#changes.sorted(),
      open: this.#open.sorted(),
      recorded: this.#recorded.sorted(),
      unsure: this.#unsure.sorted(),
    };
  }
}

interface OpenGroup extends Omit<ReplayGroup, "callers" | "examples" | "count" | "first" | "last"> {
  count: number;
  first: number;
  last: number;
  readonly callers: Map<string, number>;
  readonly examples: string[];
}

type After = Pick<Replayed, "answer" | "rule" | "reason" | "why">;

class Groups {
  readonly #groups = new Map<string, OpenGroup>();
  /** The group that a question was in last: a long log asks the same again and again. */
  readonly #last = new WeakMap<RecordedQuestion, OpenGroup>();

  add(one: Compared, after: After): void {
    const { id, time, question, before } = one;
    const last = this.#last.get(question);
    const group = last !== undefined && isOf(last, before, after) ? last : this.#groupOf(one, after);
    if (group !== last) this.#last.set(question, group);
    group.count += 1;
    group.first = Math.min(group.first, time);
    group.last = Math.max(group.last, time);
    if (group.examples.length < EXAMPLES) group.examples.push(id);
    const caller = question.names?.[0] ?? question.sub;
    const calls = group.callers.get(caller);
    if (calls !== undefined || group.callers.size < MAX_CALLERS) group.callers.set(caller, (calls ?? 0) + 1);
  }

  #groupOf({ time, question, before }: Compared, after: After): OpenGroup {
    const target = targetIn(question);
    const key = JSON.stringify([question.server, target, before, after.answer, after.rule, after.reason]);
    let group = this.#groups.get(key);
    if (group === undefined) {
      const { answer, rule, reason, why } = after;
      const common = {
        ...{ server: question.server, target, before, after: answer, rule, reason },
        ...(why !== undefined && { why }),
      };
      group = { ...common, count: 0, first: time, last: time, callers: new Map(), examples: [] };
      this.#groups.set(key, group);
    }
    return group;
  }

  sorted(): readonly ReplayGroup[] {
    const groups = [...this.#groups.values()].map((group) => ({
      ...group,
      callers: Object.fromEntries(group.callers),
    }));
    const permits = ({ after }: ReplayGroup) => (after === "allow" ? 1 : 0);
    return groups.sort((a, b) => permits(a) - permits(b) || b.count - a.count || a.target.localeCompare(b.target));
  }
}

function isOf(group: OpenGroup, before: Answer, { answer, rule, reason }: After): boolean {
  return group.before === before && group.after === answer && group.rule === rule && group.reason === reason;
}

const PLURALS: Readonly<Partial<Record<RecordedQuestion["kind"], string>>> = {
  tool: "tools",
  prompt: "prompts",
  resource: "resources",
  request: "requests",
};

function targetIn({ kind, name, method }: RecordedQuestion): string {
  const plural = PLURALS[kind];
  return plural === undefined || name === undefined ? method : `${plural}/${name}`;
}
