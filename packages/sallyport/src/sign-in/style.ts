import { createHash } from "node:crypto";
import { STYLESHEET } from "@sallyport/auth/authorization-server";

/* The look of the consent page, and what only these pages have. No colours of its own: both schemes and their contrast come with the look. */
const EXTRA = `
select,textarea{width:100%;font:inherit;color:inherit;background:var(--card);border:1px solid var(--control);border-radius:.5rem;padding:.625rem .75rem;min-height:2.75rem}
textarea{font:.875rem/1.5 ui-monospace,"SF Mono",Menlo,Consolas,monospace;resize:vertical}textarea[aria-invalid=true]{border:2px solid var(--bad)}
.pair{display:grid;grid-template-columns:14rem 1fr;gap:.75rem 1rem}.note.good{background:var(--tint);color:var(--good)}
.answer h3{margin-bottom:.375rem}.answer .note code{background:none;padding:0}.answer dl+details.more{border-top:0;margin-top:0}ul.plain{list-style:none;margin:0 0 1.25rem;padding:0}ul.plain>li{padding:.5rem 0;border-top:1px solid var(--line)}
@media (max-width:36rem){.pair{grid-template-columns:1fr}}
[hidden]{display:none!important}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
main.narrow{max-width:28rem}main.wide{max-width:46rem}
.brand{display:flex;align-items:center;gap:.5rem}.brand svg{width:1.5rem;height:1.5rem;color:var(--accent);flex:none}
h1{letter-spacing:-.01em}h2{font-size:1.125rem;margin:0 0 .75rem}h3{font-size:1rem;line-height:1.4;margin:0}
form,.note{margin-bottom:1rem}form>p,form>div{margin-bottom:.75rem}form:last-child,p:last-child{margin-bottom:0}
.hint{margin:0 0 .375rem;color:var(--soft);font-size:.875rem}
.row input{margin-bottom:.25rem}input[type=text],input[type=password]{min-height:2.75rem}
input[aria-invalid=true]{border:2px solid var(--bad)}
input.code{font-family:ui-monospace,"SF Mono",Menlo,Consolas,monospace;text-transform:uppercase}
button,.button{display:inline-flex;align-items:center;justify-content:center;gap:.5rem;line-height:1.25}
button.full{width:100%}button svg{width:1.25rem;height:1.25rem;flex:none}
button:hover,.button:hover{background:var(--tint)}button.primary:hover,.button.primary:hover{background:var(--accent);filter:brightness(1.1)}
button.danger{color:var(--bad);border-color:var(--bad)}button.danger:hover{background:var(--bad-back)}
.or{display:flex;align-items:center;gap:.75rem;margin:1.25rem 0;color:var(--soft);font-size:.875rem}
.or::before,.or::after{content:"";flex:1;border-top:1px solid var(--line)}
.note a{color:inherit}.note h2{font-size:1rem;margin:0 0 .125rem}.note:focus-visible{outline-offset:0}.split+.note{margin-top:1rem}
[role=status]:empty{display:none}form>[role=status]{margin:.75rem 0 0;color:var(--soft);font-size:.9375rem}
details.more{border-top:1px solid var(--line);margin:1.25rem 0 0;padding-top:.75rem}
details.more>summary{color:var(--accent);font-size:1rem;font-weight:600;padding:.375rem 0}
details.more[open]>summary{margin-bottom:.5rem}
section{border-top:1px solid var(--line);margin-top:1.75rem;padding-top:1.5rem}
.list{list-style:none;margin:0;padding:0}.list>li{padding:1rem 1.125rem;margin:0 0 .75rem;border:1px solid var(--line);border-radius:.5rem}
.split{display:flex;gap:.5rem 1.25rem;justify-content:space-between;align-items:flex-start;flex-wrap:wrap}
.split>:first-child{flex:1 1 15rem;min-width:0;margin:0}.split>form,.split>.button{flex:none;margin:0}.split p{margin:0}
.split button,.split .button{min-height:2.5rem;font-size:.9375rem}.split+p{margin-top:.5rem}
.granted{margin:.375rem 0 0}.granted p{margin:0}.scopes{margin:.125rem 0 0;padding-left:1.25rem}
.sub{border-top:1px solid var(--line);margin-top:.75rem;padding-top:.75rem}
p>code{white-space:nowrap}code{background:var(--tint);padding:.1em .35em;border-radius:.25rem}
@media (max-width:30rem){.split>form,.split button,.split>.button{width:100%}}
`;

export const STYLE = STYLESHEET + EXTRA;

/** For `style-src` (CSP 3 §8.3). */
export const STYLE_HASH = `'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`;
