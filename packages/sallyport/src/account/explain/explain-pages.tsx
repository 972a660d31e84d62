import { checkToken, formToken, readForm, readText, takesJson } from "../../sign-in/form.js";
import type { Kit, PageRow } from "../../sign-in/kit.js";
import { respond, seeOther } from "../../sign-in/page.js";
import { readOverview } from "../overview.js";
import { signedIn } from "../signed-in.js";
import { type Answered, answerQuestion } from "./answer.js";
import type { Asker, ExplainOptions } from "./contract.js";
import { ExplainPage } from "./explain-page.js";
import { type Asked, NOTHING_ASKED, parseForm, parseJson, QuestionProblem } from "./question.js";
import { suggestedTools } from "./suggested-tools.js";

/** Below /account, where the session's cookie goes on plain http (design: cookies do not know ports). `/explain` leads here. */
const PATH = "/account/explain";

/**
 * Is that allowed? As a page and as JSON, for who is signed in: a form (`POST`, works without script), or a JSON body. With `Accept: application/json` a
 * form is answered in JSON too. Asking changes nothing; still only pages of this origin can ask, and a form needs its token.
 */
export function explainPages(options: ExplainOptions): readonly PageRow[] {
  return [
    { method: "GET", path: "/explain", page: async (kit) => seeOther(kit.site.prefix + PATH) },
    { method: "POST", path: "/explain", page: async (kit) => sameAgain(kit.site.prefix + PATH) },
    { method: "GET", path: PATH, page: (kit, request) => show(kit, options, request) },
    { method: "POST", path: PATH, page: (kit, request) => ask(kit, options, request) },
  ];
}

/** RFC 9110 §15.4.9: the same request, with its body, elsewhere. */
const sameAgain = (location: string) =>
  new Response(null, { status: 308, headers: { location, "cache-control": "no-store" } });

interface Use {
  readonly kit: Kit;
  readonly options: ExplainOptions;
  readonly asker: Asker;
  readonly csrf: string;
}

async function useOf(kit: Kit, options: ExplainOptions, request: Request): Promise<Use | Response> {
  const who = await signedIn(kit, request, PATH);
  if (who instanceof Response) return who;
  const { user, session } = who;
  return { kit, options, asker: { user, operator: await options.isOperator(user.sub) }, csrf: session.csrf_secret };
}

async function show(kit: Kit, options: ExplainOptions, request: Request): Promise<Response> {
  const use = await useOf(kit, options, request);
  return use instanceof Response ? use : render(use, { asked: NOTHING_ASKED });
}

async function ask(kit: Kit, options: ExplainOptions, request: Request): Promise<Response> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type === "application/json") {
    const text = await readText(request, kit.site);
    const use = await useOf(kit, options, request);
    return use instanceof Response ? json(401, { error: "login_required" }) : inJson(use, () => parseJson(text));
  }
  const form = await readForm(request, kit.site);
  const use = await useOf(kit, options, request);
  if (use instanceof Response) return takesJson(request) ? json(401, { error: "login_required" }) : use;
  checkToken(form, use.csrf);
  const asked = parseForm(form);
  return takesJson(request) ? inJson(use, () => asked) : inHtml(use, asked);
}

async function inJson(use: Use, parse: () => Asked): Promise<Response> {
  try {
    const { explanation, ...told } = await answerQuestion(use, parse());
    return json(200, { ...explanation, ...told });
  } catch (error) {
    if (!(error instanceof QuestionProblem)) throw error;
    return json(422, {
      error: "invalid_question",
      ...(error.field && { field: error.field }),
      error_description: error.message,
    });
  }
}

function json(status: number, body: object): Response {
  return Response.json(body, { status, headers: { "cache-control": "no-store", "x-content-type-options": "nosniff" } });
}

async function inHtml(use: Use, asked: Asked): Promise<Response> {
  try {
    return await render(use, { asked, answer: await answerQuestion(use, asked) });
  } catch (error) {
    if (!(error instanceof QuestionProblem)) throw error;
    return render(use, { asked, problem: error });
  }
}

async function render(
  { kit, options, asker, csrf }: Use,
  shown: { readonly asked: Asked; readonly answer?: Answered; readonly problem?: QuestionProblem },
): Promise<Response> {
  const servers = options.servers();
  const programs = await readOverview(options.account, asker.user.sub, kit.system.now());
  const page = (
    <ExplainPage
      site={kit.site}
      csrf={formToken(csrf)}
      asker={asker}
      servers={servers.map(({ title }) => title)}
      programs={programs}
      tools={await suggestedTools(options, asker, kit.system.now())}
      {...shown}
    />
  );
  return respond(page, { status: shown.problem === undefined ? 200 : 422 });
}
