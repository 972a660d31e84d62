import { ErrorSummary, Hidden, Shell } from "../../sign-in/page.js";
import type { Site } from "../../sign-in/site.js";
import type { ClientAccess } from "../overview.js";
import type { Answered } from "./answer.js";
import { AnswerSection } from "./answer-section.js";
import type { Asker } from "./contract.js";
import { type Asked, KINDS, type Kind, type QuestionProblem } from "./question.js";

export interface ExplainPageProps {
  readonly site: Site;
  readonly csrf: string;
  readonly asker: Asker;
  /** Titles. */
  readonly servers: readonly string[];
  /** Of whoever asks. */
  readonly programs: readonly ClientAccess[];
  readonly tools: readonly string[];
  readonly asked: Asked;
  readonly answer?: Answered;
  readonly problem?: QuestionProblem;
}

export function ExplainPage(props: ExplainPageProps) {
  const { site, asker, servers, answer, problem } = props;
  const words = problem === undefined ? "Is that allowed?" : "Error: is that allowed?";
  const field = problem?.field;
  return (
    <Shell site={site} title={words} wide>
      <h1>Is that allowed?</h1>
      <p class="soft">
        Asks the rules that decide real calls, with the records as they are now. Nothing is called and nothing is
        changed.
      </p>
      <ErrorSummary problem={problem && { text: problem.message, ...(field !== undefined && { field }) }} />
      {answer === undefined ? null : <AnswerSection answer={answer} self={answer.used.user === asker.user.name} />}
      {servers.length === 0 ? (
        <p>There is no server here whose permissions are granted by Sallyport.</p>
      ) : (
        <QuestionForm {...props} />
      )}
      <footer>
        <a href={`${site.prefix}/account`}>Your account</a>
      </footer>
    </Shell>
  );
}

const KIND_WORDS: Readonly<Record<Kind, string>> = {
  tool: "Call the tool",
  prompt: "Get the prompt",
  resource: "Read the resource (URI)",
  request: "Be asked by the server for",
};

function QuestionForm({ site, csrf, asker, servers, programs, tools, asked, answer, problem }: ExplainPageProps) {
  const wrong = (name: keyof Asked) => (problem?.field === name ? { "aria-invalid": "true" as const } : {});
  return (
    <section aria-labelledby="question">
      <h2 id="question">{answer === undefined ? "Ask" : "Ask again"}</h2>
      <form method="post" action={`${site.prefix}/account/explain`}>
        <Hidden values={{ csrf }} />
        {asker.operator ? <WhoRow asked={asked} wrong={wrong("user")} own={asker.user.name} /> : null}
        {servers.length === 1 ? null : (
          <Choice
            id="server"
            label="On the server"
            chosen={asked.server}
            options={servers.map((title) => [title, title])}
          />
        )}
        <ProgramRow asked={asked} programs={programs} operator={asker.operator} />
        <div class="pair">
          <Choice
            id="kind"
            label="May it"
            chosen={asked.kind}
            options={KINDS.map((kind) => [kind, KIND_WORDS[kind]])}
          />
          <div class="row">
            <label class="field" for="name">
              Name
            </label>
            <input
              id="name"
              name="name"
              type="text"
              required
              autocomplete="off"
              spellcheck={false}
              list="tools"
              value={asked.name}
              {...wrong("name")}
            />
            <datalist id="tools">
              {tools.map((tool) => (
                <option value={tool} />
              ))}
            </datalist>
          </div>
        </div>
        <div class="row">
          <label class="field" for="args">
            With the arguments
          </label>
          <p class="hint" id="args-hint">
            A JSON object, for example <code>{'{"limit": 10}'}</code>; empty for none.
          </p>
          <textarea id="args" name="args" rows={4} spellcheck={false} aria-describedby="args-hint" {...wrong("args")}>
            {asked.args}
          </textarea>
        </div>
        <button class="primary" type="submit">
          Ask
        </button>
      </form>
    </section>
  );
}

function WhoRow({ asked, wrong, own }: { readonly asked: Asked; readonly wrong: object; readonly own: string }) {
  return (
    <div class="row">
      <label class="field" for="user">
        Who
      </label>
      <p class="hint" id="user-hint">
        A user name; empty for yourself, {own}.
      </p>
      <input
        id="user"
        name="user"
        type="text"
        autocomplete="off"
        spellcheck={false}
        value={asked.user}
        aria-describedby="user-hint"
        {...wrong}
      />
    </div>
  );
}

/** Operators type the id: whose programs there are is not known before a name is. */
function ProgramRow({
  asked,
  programs,
  operator,
}: {
  readonly asked: Asked;
  readonly programs: readonly ClientAccess[];
  readonly operator: boolean;
}) {
  if (operator) {
    return (
      <div class="row">
        <label class="field" for="client">
          Through the program
        </label>
        <p class="hint" id="client-hint">
          Its <code>client_id</code>; empty for one that has been granted nothing yet.
        </p>
        <input
          id="client"
          name="client"
          type="text"
          autocomplete="off"
          spellcheck={false}
          list="programs"
          value={asked.client}
          aria-describedby="client-hint"
        />
        <datalist id="programs">
          {programs.map(({ client_id, name }) => (
            <option value={client_id}>{name}</option>
          ))}
        </datalist>
      </div>
    );
  }
  const options = programs.map(({ client_id, name }) => [client_id, name] as const);
  const nothing = ["", "One that has been granted nothing yet"] as const;
  const chosen = asked.client === "" && asked.name === "" ? (options[0]?.[0] ?? "") : asked.client;
  return <Choice id="client" label="Through the program" chosen={chosen} options={[...options, nothing]} />;
}

interface ChoiceProps {
  readonly id: keyof Asked;
  readonly label: string;
  readonly chosen: string;
  readonly options: readonly (readonly [value: string, words: string])[];
}

function Choice({ id, label, chosen, options }: ChoiceProps) {
  return (
    <div class="row">
      <label class="field" for={id}>
        {label}
      </label>
      <select id={id} name={id}>
        {options.map(([value, words]) => (
          <option value={value} selected={value === chosen}>
            {words}
          </option>
        ))}
      </select>
    </div>
  );
}
