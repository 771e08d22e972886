// Run inside a page of another site, or of another port: tries to read the live page at PORT and to act on it.
const page = "http://127.0.0.1:PORT", rebound = "http://rebound.example:PORT";
const told = {};
const bodies = { kind: "note", text: "attack", ago: 0 };
async function attempt(name, work) { try { told[name] = await work(); } catch (error) { told[name] = "refused: " + error.name; } }
const socket = (url) => new Promise((done) => {
  const it = new WebSocket(url);
  it.onopen = () => done("open"); it.onerror = () => done("refused");
});
const loads = (tag, attribute, url) => new Promise((done) => {
  const it = document.createElement(tag);
  it.onload = () => { let inside = "opaque"; try { inside = it.contentDocument?.body?.innerText || "opaque"; } catch {} done("loaded " + inside); };
  it.onerror = () => done("refused"); it[attribute] = url; document.body.append(it);
  setTimeout(() => done("nothing"), 4000);
});
for (const where of [page, rebound]) {
  const way = where === page ? "" : "rebound ";
  await attempt(way + "fetch", async () => (await fetch(where + "/acts?before=9", { credentials: "include" })).status);
  await attempt(way + "fetch no-cors", async () => (await fetch(where + "/acts?before=9", { mode: "no-cors", credentials: "include" })).type);
  await attempt(way + "fetch header", async () => (await fetch(where + "/acts?before=9", { headers: { "X-Pixelwitness": "page" }, credentials: "include" })).status);
  await attempt(way + "post", async () => (await fetch(where + "/marks", { method: "POST", mode: "no-cors", credentials: "include", body: JSON.stringify(bodies) })).type);
  await attempt(way + "post header", async () => (await fetch(where + "/marks", { method: "POST", credentials: "include", headers: { "X-Pixelwitness": "page", "Content-Type": "application/json" }, body: JSON.stringify(bodies) })).status);
  await attempt(way + "beacon", async () => navigator.sendBeacon(where + "/marks", JSON.stringify(bodies)));
  await attempt(way + "websocket", () => socket(where.replace("http", "ws") + "/live"));
  await attempt(way + "image", () => loads("img", "src", where + "/static/icon.svg"));
  await attempt(way + "script", () => loads("script", "src", where + "/static/model.js"));
  await attempt(way + "iframe", () => loads("iframe", "src", where + "/"));
  await attempt(way + "report", () => loads("iframe", "src", where + "/report"));
}
const form = document.createElement("form");
form.method = "POST"; form.enctype = "text/plain"; form.action = page + "/marks"; form.target = "hole";
const field = document.createElement("input");
field.name = '{"kind":"note","text":"attack","ago":0,"x":"'; field.value = '"}';
const hole = document.createElement("iframe"); hole.name = "hole";
form.append(field); document.body.append(hole, form);
await attempt("form", () => new Promise((done) => { hole.onload = () => done("sent"); form.submit(); setTimeout(() => done("sent"), 4000); }));
await attempt("popup", async () => {
  const it = window.open(page + "/");
  for (let times = 0; times < 50; times++) {
    if (!it || it.closed) return "nothing";
    if (it.document.body?.innerText) return "reached " + it.document.body.innerText;
    await new Promise((done) => setTimeout(done, 100));
  }
  return "nothing";
});
window.told = told;
