import type { Explanation, RuleTrace, ScopeTrace } from "../../policy/explain.js";
import { formatExact } from "../time.js";
import type { Answered, Used } from "./answer.js";

/** The decision first, then what decided, then everything that had a say, as far as whoever asks may see it. */
export function AnswerSection({ answer, self }: { readonly answer: Answered; readonly self: boolean }) {
  const { allow, outcome, target, used, explanation } = answer;
  const who = self ? "You" : used.user;
  const may = allow ? "may" : outcome === "scope" ? "may not yet" : "may not";
  return (
    <section class="answer" aria-labelledby="answer">
      <div class={`note ${allow ? "good" : outcome === "scope" ? "warn" : "bad"}`} role="status">
        <h2 id="answer">{allow ? "Allowed" : outcome === "scope" ? "Not yet allowed" : "Not allowed"}</h2>
        <p>
          {who} {may} use <code>{target === "" ? "this" : target}</code> on {used.server}
          {used.client === undefined
            ? " through a program that has been granted nothing"
            : ` through ${used.client.name}`}
          .
        </p>
      </div>
      <dl>
        <Row name={allow ? "Why" : "The caller reads"}>{answer.reason}</Row>
        {explanation !== undefined && !allow ? <Row name="Reason">{explanation.reason}</Row> : null}
        <Row name="Decided by">
          <code>{answer.rule}</code>
          {explanation?.line === undefined || answer.rule.includes("@") ? null : ` (line ${explanation.line})`}
        </Row>
        {answer.missingScopes.length === 0 ? null : (
          <Row name="Would change it">
            Agreeing to <Scopes scopes={answer.missingScopes} />
          </Row>
        )}
        {outcome === "unknown" && explanation !== undefined && explanation.notEntitled.length > 0 ? (
          <Row name="Not entitled to">
            <Scopes scopes={explanation.notEntitled} />
          </Row>
        ) : null}
        {(explanation?.recorded ?? []).map((rule) => (
          <Row name="In record mode">
            <code>{rule}</code> would deny
          </Row>
        ))}
      </dl>
      {explanation === undefined ? null : <Everything explanation={explanation} />}
      <UsedList used={used} />
    </section>
  );
}

function Row({ name, children }: { readonly name: string; readonly children?: unknown }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Scopes({ scopes }: { readonly scopes: readonly string[] }) {
  if (scopes.length === 0) return <>nothing</>;
  return (
    <>
      {scopes.map((scope, index) => (
        <>
          {index === 0 ? "" : " "}
          <code>{scope}</code>
        </>
      ))}
    </>
  );
}

function UsedList({ used }: { readonly used: Used }) {
  const { user, roles, entitled, client, granted, time } = used;
  return (
    <details class="more">
      <summary>What this answer used</summary>
      <dl>
        <Row name="Who">{user}</Row>
        <Row name="Roles">{roles.length === 0 ? "none" : roles.join(", ")}</Row>
        <Row name="May be granted">
          <Scopes scopes={entitled} />
        </Row>
        <Row name="Program">
          {client === undefined ? "one that has been granted nothing" : `${client.name} (${client.client_id})`}
        </Row>
        <Row name="Granted to it">
          <Scopes scopes={granted} />
          {granted.length === 0 ? null : ". Its token may have fewer."}
        </Row>
        <Row name="Time">{formatExact(time)}</Row>
        <Row name="Address">not known: rules that look at one see none</Row>
      </dl>
    </details>
  );
}

function Everything({ explanation: { scopes, rules } }: { readonly explanation: Explanation }) {
  return (
    <>
      {scopes.length === 0 ? null : (
        <>
          <h3>Scopes that permit it</h3>
          <ul class="plain">
            {scopes.map((scope) => (
              <Scope scope={scope} />
            ))}
          </ul>
        </>
      )}
      {rules.length === 0 ? null : (
        <>
          <h3>Rules</h3>
          <ul class="plain">
            {rules.map((rule) => (
              <Rule rule={rule} />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function Scope({ scope: { scope, line, entitled, granted } }: { readonly scope: ScopeTrace }) {
  return (
    <li>
      <code>{scope}</code> {entitled ? "may be granted" : "may not be granted"},{" "}
      {granted ? "is granted" : "is not granted"}
      {line === undefined ? null : <span class="soft"> (line {line})</span>}
    </li>
  );
}

const RESULTS: Readonly<Record<RuleTrace["result"], string>> = {
  holds: "holds",
  "does not hold": "does not hold",
  failed: "failed",
  other: "does not match",
};

function Rule({ rule: { rule, effect, mode, result, why } }: { readonly rule: RuleTrace }) {
  return (
    <li>
      <code>{rule}</code> {effect}
      {mode === "record" ? " (record)" : ""} <strong>{RESULTS[result]}</strong>
      <br />
      <span class="soft">{why.replace(/\s+/g, " ")}</span>
    </li>
  );
}
