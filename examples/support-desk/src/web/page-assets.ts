import { createHash } from "node:crypto";

export const STYLE = `
:root{--back:#f6f7f9;--card:#fff;--text:#1a1f2b;--soft:#5a6375;--line:#d9dee7;--accent:#2456d6;--on:#fff;--good:#156c43;--warn:#8a5300;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--back:#12151b;--card:#1b2029;--text:#e7eaf0;--soft:#a3adbf;--line:#303846;--accent:#86a9ff;--on:#0d1526;--good:#6fd3a0;--warn:#f0b45c;--bad:#ff9a90}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);font:1rem/1.5 system-ui,sans-serif}
header,main{max-width:46rem;margin:0 auto;padding:1rem}
header{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;align-items:baseline;justify-content:space-between}
h1{font-size:1.35rem;margin:0}header p{margin:0;color:var(--soft)}
.about{color:var(--soft);margin:.25rem 0 1rem}
.problem{border-left:4px solid var(--bad);padding:.5rem .75rem;background:var(--card)}
ol{list-style:none;margin:0 0 1rem;padding:0;display:grid;gap:.6rem}
li{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.6rem .8rem;white-space:pre-wrap;overflow-wrap:anywhere}
li.user{margin-left:auto;max-width:85%;background:var(--accent);color:var(--on);border-color:transparent}
li.assistant{max-width:95%}
li.tool{white-space:normal;font-size:.93rem;border-left:4px solid var(--good)}
li.denied,li.beyond,li.error,li.signed-out{border-left-color:var(--bad)}li.step-up{border-left-color:var(--warn)}
.verdict{color:var(--soft)}summary{cursor:pointer}li>p{margin:0 0 .35rem}
dl{display:grid;grid-template-columns:auto 1fr;gap:.1rem .75rem;margin:.5rem 0 0;font-size:.85rem}dt{color:var(--soft)}dd{margin:0}
li.assistant details{margin-top:.25rem}li.assistant summary{color:var(--accent)}
pre{margin:.5rem 0 0;padding:.5rem;background:var(--back);border-radius:.4rem;overflow-x:auto;font-size:.85rem;white-space:pre-wrap;overflow-wrap:anywhere;max-height:18rem}
form{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center;margin:0 0 1rem}form>label:first-child,form p{flex-basis:100%}
input:not([type=checkbox]){flex:1 1 12rem;min-width:0;font:inherit;padding:.55rem .7rem;border:1px solid var(--soft);border-radius:.5rem;background:var(--card);color:inherit}
button,.button{font:inherit;padding:.55rem 1rem;border-radius:.5rem;border:1px solid var(--accent);background:var(--accent);color:var(--on);cursor:pointer;text-decoration:none;display:inline-block}
form.row{border-top:1px solid var(--line);padding-top:1rem}
a{color:var(--accent)}a.button{color:var(--on)}:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
small{color:var(--soft)}
`;

/** Streams the answer into the page: each line that comes is one entry, made by the server. Without it the forms work as forms. */
export const SCRIPT = `
const log=document.getElementById("log"),say=document.getElementById("say");
// Long lists show their beginning, on a phone a short one; the rest unfolds.
const most=matchMedia("(max-width:30rem)").matches?5:10;
function fold(said){
  const lines=said.textContent.split("\\n");
  if(said.querySelector("details")||lines.length<most+3)return;
  const more=document.createElement("details"),title=document.createElement("summary");
  title.textContent=(lines.length-most)+" more";
  more.append(title,lines.slice(most).join("\\n"));
  said.replaceChildren(lines.slice(0,most).join("\\n"),more);
}
for(const said of log.querySelectorAll(".assistant"))fold(said);
async function stream(path,body){
  const answer=await fetch(path,{method:"POST",body,headers:{accept:"text/event-stream"}});
  if(!answer.ok){location.reload();return}
  const reader=answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest="",open=null;
  for(;;){
    const {value,done}=await reader.read();
    if(done)break;
    rest+=value;
    for(let at;(at=rest.indexOf("\\n\\n"))>=0;rest=rest.slice(at+2)){
      const event=JSON.parse(rest.slice(6,at));
      if(event.html){const box=document.createElement("template");box.innerHTML=event.html;open=null;log.append(box.content)}
      else{if(!open){open=document.createElement("li");open.className="assistant";log.append(open);event.text=event.text.trimStart()}open.textContent+=event.text}
      log.lastElementChild.scrollIntoView({block:"nearest"});
    }
  }
  for(const said of log.querySelectorAll(".assistant"))fold(said);
  log.lastElementChild?.scrollIntoView({block:"nearest"});
}
for(const form of [say,document.getElementById("sum")])form.addEventListener("submit",event=>{
  event.preventDefault();
  const body=new URLSearchParams(new FormData(form));
  if(form===say){const own=document.createElement("li");own.className="user";own.textContent=body.get("text");log.append(own);form.reset()}
  const button=form.querySelector("button");button.disabled=true;
  stream(form.getAttribute("action"),body).finally(()=>{button.disabled=false});
});
if(log.childElementCount)say.scrollIntoView({block:"end"});
if(log.dataset.resume)stream("/resume",new URLSearchParams());
`;

const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": `default-src 'none'; style-src ${hash(STYLE)}; script-src ${hash(SCRIPT)}; connect-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'`,
  "cache-control": "no-store",
  // Not `no-referrer`: browsers then send forms with `Origin: null`, which says nothing.
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
};
