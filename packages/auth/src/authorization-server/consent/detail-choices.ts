import { describeCallDetail, showText } from "../../core/call-detail-words.js";
import type { AskedCallDetail } from "../../core/call-details.js";
import { type Html, html } from "../pages/html.js";
import type { Offer, OfferedDetail } from "./flow.js";

/** RFC 9396 §2: the calls that were asked for in particular, in words, each with a checkbox and with every value in full. */
export function detailChoices({ details, withheldDetails, scopes }: Offer): Html | undefined {
  if (details.length + withheldDetails.length === 0) return undefined;
  const besides = scopes.some(({ asked }) => asked) ? "It may also make these calls" : "It may make these calls";
  return html`${
    details.length > 0 &&
    html`<fieldset><legend>${besides}</legend>
${details.map(choice)}
</fieldset>`
  }
${withheldDetails.length > 0 && html`<div class="note warn"><p>It also asked to call ${withheldDetails.map(toolsOf)}, which you may not give, or which does not exist.</p></div>`}`;
}

function choice({ asked, granted }: OfferedDetail, index: number): Html {
  const { often, conditions, others } = describeCallDetail(asked);
  const id = `detail-${index}`;
  const tag = granted ? html`<span class="tag good">already allowed</span>` : html`<span class="tag new">new</span>`;
  return html`<div class="choice"><input type="checkbox" id="${id}" name="detail" value="${index}" checked><div><label for="${id}">Call ${toolsOf(asked)} ${often}</label> ${tag}
${conditions.length > 0 && html`<ul>${conditions.map(({ name, words }) => html`<li><code>${showText(name)}</code>: <code>${words}</code></li>`)}</ul>`}
<p class="soft">${others}</p></div></div>`;
}

function toolsOf({ tools }: AskedCallDetail): Html {
  return html`${tools.map((tool, index) => html`${index > 0 && " or "}<code>${showText(tool)}</code>`)}`;
}
