import { createHash } from "node:crypto";

/* One stylesheet for all pages. System fonts, no images, both colour schemes; every text/background pair is at least 4.5:1 (WCAG AA). */
export const STYLE = `
:root{color-scheme:light dark;--ground:#f4f4f0;--card:#fff;--ink:#1a1e23;--soft:#555d68;--line:#d5d8d3;--field:#767d87;
--accent:#0b5b55;--accent-hover:#084640;--on-accent:#fff;--tint:#e7f1ef;--bad:#9c2310;--bad-tint:#fbebe7;--good-tint:#e7f1ef}
@media (prefers-color-scheme:dark){:root{--ground:#111417;--card:#191d21;--ink:#e9ebee;--soft:#a7afba;--line:#30363d;--field:#7d8590;
--accent:#72d2c5;--accent-hover:#93e0d5;--on-accent:#06211e;--tint:#17302d;--bad:#ffa08c;--bad-tint:#3a1c16;--good-tint:#17302d}}
*{box-sizing:border-box}[hidden]{display:none!important}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
body{margin:0;background:var(--ground);color:var(--ink);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;
-webkit-text-size-adjust:100%;overflow-wrap:anywhere}
.page{max-width:27rem;margin:0 auto;padding:clamp(1rem,6vh,4rem) 1rem 2rem}.page.wide{max-width:48rem}
.brand{display:flex;align-items:center;gap:.6rem;margin:0 0 1rem;font-weight:650;letter-spacing:-.01em}
.brand svg{width:1.75rem;height:1.75rem;color:var(--accent);flex:none}
.brand .host{margin-left:auto;color:var(--soft);font-weight:400;font-size:.875rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:clamp(1.25rem,5vw,2rem);margin:0 0 1rem;
box-shadow:0 1px 2px rgb(0 0 0/.04),0 8px 24px rgb(0 0 0/.04)}
h1{font-size:1.5rem;line-height:1.25;letter-spacing:-.02em;margin:0 0 .5rem}h2{font-size:1.125rem;line-height:1.3;margin:0 0 .5rem}
h3{font-size:1rem;margin:0}p{margin:0 0 1rem}p:last-child{margin-bottom:0}.soft{color:var(--soft)}.small{font-size:.875rem}
a{color:var(--accent);text-underline-offset:.15em}a:hover{color:var(--accent-hover)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:.25rem}
label{display:block;font-weight:600;margin:0 0 .3rem}.hint{color:var(--soft);font-size:.875rem;margin:0 0 .4rem}
.row{margin:0 0 1rem}
input[type=text],input[type=password]{width:100%;min-height:2.75rem;padding:.55rem .75rem;font:inherit;color:inherit;
background:var(--card);border:1px solid var(--field);border-radius:.5rem}
input:focus-visible{outline-offset:0;border-radius:.5rem}input[aria-invalid=true]{border:2px solid var(--bad)}
input.code{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;letter-spacing:.02em;text-transform:uppercase}
input.code::placeholder{color:var(--soft);opacity:1}
button,.button{display:inline-flex;align-items:center;justify-content:center;gap:.5rem;min-height:2.75rem;padding:.5rem 1.1rem;font:inherit;
font-weight:600;border-radius:.5rem;border:1px solid var(--accent);background:var(--accent);color:var(--on-accent);cursor:pointer;
text-decoration:none}
button:hover,.button:hover{background:var(--accent-hover);border-color:var(--accent-hover);color:var(--on-accent)}
button.full{width:100%}button.plain,.button.plain{background:transparent;color:var(--ink);border-color:var(--field)}
button.plain:hover,.button.plain:hover{background:var(--tint);color:var(--ink)}
button.bad{background:transparent;color:var(--bad);border-color:var(--bad)}button.bad:hover{background:var(--bad-tint);color:var(--bad)}
button svg{width:1.2rem;height:1.2rem;flex:none}
.or{display:flex;align-items:center;gap:.75rem;margin:1.25rem 0;color:var(--soft);font-size:.875rem}
.or::before,.or::after{content:"";flex:1;border-top:1px solid var(--line)}
.alert,.notice{border-radius:.5rem;padding:.75rem 1rem;margin:0 0 1.25rem;border:1px solid var(--bad);background:var(--bad-tint)}
.alert a{color:inherit}.alert h2{font-size:1rem;margin:0 0 .15rem;color:var(--bad)}.alert ul{margin:0;padding:0;list-style:none}
.notice{border-color:var(--accent);background:var(--good-tint)}
details{border-top:1px solid var(--line);margin-top:1.5rem;padding-top:1rem}
summary{cursor:pointer;font-weight:600;color:var(--accent);padding:.3rem 0}details[open] summary{margin-bottom:.75rem}
[role=status]:not(:empty){margin:.75rem 0 0;color:var(--soft);font-size:.9375rem}
code{font:.9em ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;background:var(--tint);padding:.1em .35em;border-radius:.25rem}
footer{color:var(--soft);font-size:.8125rem;text-align:center;margin-top:1.25rem}
.list{list-style:none;margin:0;padding:0}.list>li{border-top:1px solid var(--line);padding:1rem 0}.list>li:first-child{border-top:0;padding-top:0}
.list>li:last-child{padding-bottom:0}.split{display:flex;gap:.75rem 1rem;justify-content:space-between;align-items:flex-start;flex-wrap:wrap}
.split>:first-child{flex:1 1 16rem;min-width:0}.split form{flex:none}
.tag{display:inline-block;font-size:.8125rem;font-weight:600;border:1px solid var(--field);border-radius:1rem;padding:0 .6rem;color:var(--soft)}
.tag.known{border-color:var(--accent);color:var(--accent)}
.scopes{margin:.35rem 0 0;padding-left:1.15rem}.actions{display:flex;gap:.75rem;flex-wrap:wrap;margin-top:1rem}
.sub{border-left:3px solid var(--line);margin:.75rem 0 0;padding-left:.9rem}
@media (max-width:30rem){.split form,.split form button,.actions>*,.actions button{width:100%}}
@media (prefers-reduced-motion:no-preference){button,.button,a{transition:background-color .12s,color .12s}}
@media (forced-colors:active){.card,button{border:1px solid}}
`;

/** For `style-src` (CSP 3 §8.3). */
export const STYLE_HASH = `'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`;
