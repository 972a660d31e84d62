import type { ToolOutcome } from "../agent/agent.js";
import { parseText, sentenceOf } from "../agent/words.js";
import type { Entry } from "./conversation.js";
import { SCRIPT, STYLE } from "./page-assets.js";

export interface ChatPageProps {
  readonly about: string;
  readonly connected: boolean;
  readonly scope: string | undefined;
  readonly entries: readonly Entry[];
  /** Something waits and was agreed to meanwhile. */
  readonly resume: boolean;
  readonly problem: string | undefined;
  readonly accountUrl: string;
}

export function ChatPage({ about, connected, scope, entries, resume, problem, accountUrl }: ChatPageProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>Support desk</title>
        <link rel="icon" href="data:," />
        <style dangerouslySetInnerHTML={{ __html: STYLE }} />
      </head>
      <body>
        <header>
          <h1>Support desk</h1>
          <p>
            {connected ? (
              <>
                It may: <code>{scope ?? "what was granted"}</code> · <a href={accountUrl}>take that back</a>
              </>
            ) : (
              "Not connected."
            )}
          </p>
        </header>
        <main>
          <p class="about">{about}</p>
          {problem === undefined ? null : (
            <p class="problem" role="alert">
              {problem}
            </p>
          )}
          <ol id="log" aria-live="polite" data-resume={resume ? "1" : undefined}>
            {entries.map((entry) => (
              <Shown entry={entry} />
            ))}
          </ol>
          {connected ? (
            <form id="say" method="post" action="/say">
              <label for="text">What is it about?</label>
              <input
                id="text"
                name="text"
                required
                maxlength={2000}
                autocomplete="off"
                placeholder="show customer C-1002"
              />
              <button type="submit">Send</button>
            </form>
          ) : (
            <form method="post" action="/connect">
              <p>The desk works in your name, with what you allow. You sign in and agree on a page of the gateway.</p>
              <button type="submit">Connect</button>
            </form>
          )}
          {connected ? (
            <form id="sum" class="row" method="post" action="/summary">
              <label for="customer">Let the summarizer read one customer for five minutes</label>
              <input id="customer" name="customer" required pattern="[Cc]-\d+" maxlength={12} placeholder="C-1002" />
              <label>
                <input type="checkbox" name="more" value="1" /> and tell it to try more
              </label>
              <button type="submit">Summarize</button>
            </form>
          ) : null}
        </main>
        {connected ? <script dangerouslySetInnerHTML={{ __html: SCRIPT }} /> : null}
      </body>
    </html>
  );
}

export function Shown({ entry }: { readonly entry: Entry }) {
  if (entry.role !== "tool") return <li class={entry.role}>{entry.text}</li>;
  const { tool, args, outcome } = entry;
  return (
    <li class={`tool ${outcome.kind}`}>
      {entry.decided === true ? null : <Said outcome={outcome} />}
      <details open={outcome.kind === "step-up" && entry.decided !== true}>
        <summary>
          <code>{tool}</code>{" "}
          <span class="verdict">{entry.decided === true ? "needed your permission" : VERDICTS[outcome.kind]}</span>
        </summary>
        <Asked args={args} />
        {"text" in outcome ? <Answered text={outcome.text} /> : null}
      </details>
    </li>
  );
}

function Asked({ args }: { readonly args: unknown }) {
  const rows = Object.entries(Object(args) as Readonly<Record<string, unknown>>);
  if (rows.length === 0) return null;
  return (
    <dl>
      {rows.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>{typeof value === "string" ? value : JSON.stringify(value)}</dd>
        </>
      ))}
    </dl>
  );
}

/** Long ones scroll, without a mouse too (WCAG 2.1.1). */
function Answered({ text }: { readonly text: string }) {
  const value = parseText(text);
  const isSentence = typeof value === "string" || Object.keys(Object(value)).join() === "error";
  return <pre tabindex={0}>{isSentence ? sentenceOf(text) : JSON.stringify(value, undefined, 2)}</pre>;
}

const VERDICTS: Readonly<Record<ToolOutcome["kind"], string>> = {
  result: "allowed",
  error: "allowed, but failed",
  denied: "denied by a rule",
  "step-up": "needs your permission",
  beyond: "beyond its token",
  "signed-out": "access was taken back",
};

/** What a person has to know or do. */
function Said({ outcome }: { readonly outcome: ToolOutcome }) {
  switch (outcome.kind) {
    case "denied":
      return (
        <p>
          {outcome.because}
          {outcome.decisionId === undefined ? null : (
            <>
              {" "}
              <small>Decision {outcome.decisionId}</small>
            </>
          )}
        </p>
      );
    case "step-up":
      return (
        <p>
          <a class="button" href={outcome.url}>
            See what is asked, and decide
          </a>{" "}
          <small>
            It asks for <code>{outcome.scope}</code>.
          </small>
        </p>
      );
    case "signed-out":
      return (
        <p>
          <a class="button" href={outcome.url}>
            Connect again
          </a>
        </p>
      );
    case "beyond":
      return <p>{sentenceOf(outcome.text)}</p>;
    // The agent says what came of it, in a sentence; word for word it stands in the details.
    case "error":
    case "result":
      return null;
  }
}
