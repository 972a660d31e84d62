/**
 * The look of every page: system font, light and dark, from 320 px on. Colours reach WCAG AA (4.5:1 for text, 3:1 for borders of
 * controls and focus rings) in both schemes.
 */
export const STYLESHEET = `
:root{color-scheme:light dark;--page:#f3f4f6;--card:#fff;--text:#16181d;--soft:#555b66;--line:#d5d8de;--control:#7b828e;
--accent:#1f4fd8;--on-accent:#fff;--good:#17663a;--warn:#7a4100;--warn-back:#fff4e0;--bad:#a61b1b;--bad-back:#fdecec;--tint:#eef2fd}
@media (prefers-color-scheme:dark){:root{--page:#101216;--card:#191c22;--text:#eceef2;--soft:#abb2be;--line:#343943;--control:#8b93a1;
--accent:#8fb0ff;--on-accent:#0c1730;--good:#7bd6a0;--warn:#ffd089;--warn-back:#33270f;--bad:#ffa6a6;--bad-back:#391a1a;--tint:#1e2638}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:anywhere}
main{max-width:34rem;margin:0 auto;padding:1.75rem;background:var(--card)}
@media (min-width:36rem){body{padding:2.5rem 1rem}main{border:1px solid var(--line);border-radius:.75rem}}
h1{font-size:1.375rem;line-height:1.3;margin:0 0 1rem}
h2,legend{font-size:1rem;font-weight:650;margin:0;padding:0}
p{margin:0 0 1rem}
a{color:var(--accent)}
code{font:.9em ui-monospace,"SF Mono",Menlo,Consolas,monospace}
small,.soft{color:var(--soft);font-size:.875rem}
.brand{font-weight:650;font-size:.8125rem;letter-spacing:.04em;color:var(--soft);margin:0 0 1.25rem}
dl{margin:0 0 1.25rem;border-top:1px solid var(--line)}
dl>div{display:grid;grid-template-columns:8rem 1fr;gap:.25rem 1rem;padding:.625rem 0;border-bottom:1px solid var(--line)}
@media (max-width:26rem){dl>div{grid-template-columns:1fr}}
dt{color:var(--soft);font-size:.875rem;line-height:1.7}
dd{margin:0}
fieldset{border:0;margin:0 0 1.25rem;padding:0;min-width:0}
legend{margin-bottom:.5rem}
.choice{display:grid;grid-template-columns:1.5rem 1fr;gap:0 .625rem;padding:.75rem 0;border-top:1px solid var(--line)}
.choice input{width:1.25rem;height:1.25rem;margin:.125rem 0 0;accent-color:var(--accent)}
.choice label{font-weight:600}
.choice>div>p{margin:0}
.choice ul{margin:.25rem 0;padding-left:1.25rem;font-size:.875rem}
.tag{display:inline-block;font-size:.75rem;font-weight:650;padding:0 .5rem;border:1px solid currentColor;border-radius:1rem;margin-left:.375rem}
.tag.new{color:var(--accent)}.tag.good{color:var(--good)}.tag.warn{color:var(--warn)}
details{margin-top:.25rem}
summary{cursor:pointer;color:var(--soft);font-size:.875rem}
details ul{margin:.375rem 0 0;padding-left:1.25rem;font-size:.875rem}
.note{padding:.75rem 1rem;border-radius:.5rem;margin:0 0 1.25rem;background:var(--tint)}
.note.warn{background:var(--warn-back);color:var(--warn)}
.note.bad{background:var(--bad-back);color:var(--bad)}
.note>:last-child{margin-bottom:0}
label.field{display:block;font-weight:600;margin-bottom:.25rem}
input[type=text],input[type=password]{width:100%;font:inherit;color:inherit;background:transparent;border:1px solid var(--control);border-radius:.5rem;padding:.625rem .75rem;margin-bottom:1rem}
input.code{font:600 1.375rem/1.4 ui-monospace,"SF Mono",Menlo,Consolas,monospace;letter-spacing:.12em;text-transform:uppercase}
.actions{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1.5rem}
button,.button{flex:1 1 9rem;font:inherit;font-weight:650;min-height:2.75rem;padding:.5rem 1rem;border-radius:.5rem;border:1px solid var(--control);background:transparent;color:var(--text);cursor:pointer;text-align:center;text-decoration:none}
button.primary,.button.primary{background:var(--accent);border-color:var(--accent);color:var(--on-accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
footer{margin-top:1.5rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--soft);font-size:.875rem}
footer p{margin:0}
@media (forced-colors:active){.choice input{accent-color:auto}}
`.trim();
