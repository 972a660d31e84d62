import { html } from "../pages/html.js";
import { page } from "../pages/page.js";
import type { Start } from "../pipeline.js";

/** Where a person types the code of their device. */
export function codePage(
  { server }: Start,
  { code, problem }: { readonly code: string; readonly problem?: string },
): Promise<Response> {
  const body = html`<p class="brand">${new URL(server.issuer).host}</p>
<h1>Connect a device</h1>
${problem !== undefined && html`<div class="note bad" role="alert"><p>${problem}</p></div>`}
<form method="post" action="${server.path}/device">
<label class="field" for="user_code">Code on the device</label>
<input class="code" type="text" id="user_code" name="user_code" value="${code}" required autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="20" aria-describedby="hint">
<p class="soft" id="hint">${code === "" ? "Eight letters, for example WDJB-MJHT." : "Go on only if your device shows exactly this code."}</p>
<div class="actions"><button class="primary" type="submit">Continue</button></div>
</form>
<footer><p>What the device may do comes next. Did somebody else send you the code? Close this page.</p></footer>`;
  return page({ title: "Connect a device", body, status: problem === undefined ? 200 : 400 });
}

/** The person has answered; the device learns of it by itself. */
export function deviceAnswered(approved: boolean, cookies: readonly string[]): Promise<Response> {
  const title = approved ? "The device is connected" : "The device was refused";
  const next = approved ? "Go back to it: it goes on by itself in a few seconds." : "Nothing was granted.";
  return page({
    title,
    body: html`<h1>${title}</h1>
<p>${next} You can close this page.</p>`,
    cookies,
  });
}
