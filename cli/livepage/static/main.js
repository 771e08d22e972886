// Wiring: what comes from the program goes into the model, and the model is drawn at most once per frame.

import { Alerts } from "./alerts.js";
import { showAct, showOverview } from "./detail.js";
import { askReason, askSession, askStatement, showHelp, STATEMENTS } from "./dialogs.js";
import { byId, clock, count, el, fill } from "./dom.js";
import { enter, get, Link, send } from "./link.js";
import { List } from "./list.js";
import { Model } from "./model.js";
import { Timeline } from "./timeline.js";

const DRAW_EVERY = 80; // milliseconds between two drawings; a slow machine waits three times what one took,
const DRAW_LATEST = 1000; // at most this long, so that a flood leaves time for keys
const REFETCH = 300;

const model = new Model();
const pane = byId("right");
let state = "opening";
let drawing = false;
let drawn = 0;
let pauseBetween = DRAW_EVERY;
let first = true;
let fetching = 0;

const list = new List(model, (id, event) => select(id, { event }), loadOlder);
const timeline = new Timeline(model, (id) => select(id, { scroll: true }));
const alerts = new Alerts(model, (id) => select(id, { scroll: true }));

function draw() {
  if (drawing) return;
  drawing = true;
  setTimeout(() => requestAnimationFrame(() => {
    drawing = false;
    drawn = performance.now();
    if (byId("left").scrollTop === 0 && scrollY === 0 && !reading()) list.trim();
    list.render();
    header();
    if (!list.selected || !model.acts.has(list.selected)) overview();
    const begun = drawn;
    setTimeout(() => { // once the browser has laid out and painted
      pauseBetween = Math.min(DRAW_LATEST, Math.max(DRAW_EVERY, 3 * (performance.now() - begun)));
    });
  }), Math.max(0, pauseBetween - (performance.now() - drawn)));
}

function hear(message) {
  if (message.type === "hello") {
    model.settings = message;
    return;
  }
  const session = model.status?.session?.id;
  const changed = model.take(message);
  for (const id of changed) list.dirty.add(id);
  if (message.type === "whole") {
    list.footed = "";
    if (session !== model.status?.session?.id) {
      list.select(null);
      alerts.clear();
    }
  }
  const acts = message.acts;
  if (first) alerts.known(acts);
  else alerts.take(acts);
  first = false;
  if (changed.has(list.selected)) refetch();
  timeline.soon();
  draw();
}

let again = 0;
function refetch() {
  clearTimeout(again);
  again = setTimeout(() => list.selected && fetchAct(list.selected), REFETCH);
}

async function fetchAct(id, event) {
  const mine = ++fetching;
  try {
    const detail = await get(`/act/${encodeURIComponent(id)}`);
    if (mine === fetching && list.selected === id) {
      showAct(pane, detail, { close, confirm: () => confirm(), dismiss: () => dismiss(), event });
    }
  } catch (error) {
    if (mine === fetching) tell(error.message);
  }
}

const reading = () => document.body.classList.contains("reading");
let listAt = 0;

// Shows the right-hand side; on a narrow window it takes the place of everything else until it is closed.
function read() {
  if (reading()) return;
  listAt = scrollY;
  document.body.classList.add("reading");
  scrollTo(0, 0);
}

function unread() {
  if (!reading()) return;
  document.body.classList.remove("reading");
  scrollTo(0, listAt);
}

function select(id, { scroll = false, event = undefined } = {}) {
  if (!id || !model.acts.has(id)) return;
  list.select(id, scroll);
  alerts.seen(id);
  read();
  fetchAct(id, event);
}

function close() {
  unread();
  const id = list.selected;
  list.select(null);
  overview();
  list.cards.get(id)?.querySelector("button").focus({ preventScroll: true });
}

let overviewed = "";
function overview(force = false) {
  const key = JSON.stringify([model.counts, model.marks, model.proofs, model.filter, model.status?.session, model.status?.problem_count]);
  if (!force && key === overviewed && !pane.dataset.act && pane.firstChild) return;
  overviewed = key;
  const choose = (name) => (value) => {
    model.filter[name] = value;
    filtersChanged();
    unread();
  };
  showOverview(pane, model, { close, site: choose("site"), topic: choose("topic") });
}

function filtersChanged() {
  list.footed = "";
  filters();
  list.render();
  if (!list.selected) overview(true);
}

function filters() {
  const toggle = (name, label, key) => el("button", { type: "button", "aria-pressed": String(model.filter[name]), onclick: () => switchFilter(name) }, el("kbd", null, key), el("span", null, label));
  const chosen = (name, label) => model.filter[name] !== null && el("button", { type: "button", class: "chosen", onclick: () => {
    model.filter[name] = null;
    filtersChanged();
  } }, `${label} ✕`);
  fill(byId("filters"), toggle("health", "Only health content", "h"), toggle("open", "To review", "u"),
    el("button", { type: "button", "aria-pressed": String(alerts.sound), onclick: switchSound }, el("kbd", null, "m"), el("span", null, alerts.sound ? "Sound on" : "Sound off")),
    chosen("site", model.filter.site || "site not known"),
    chosen("topic", model.counts.topics.find((row) => row.key === model.filter.topic)?.name ?? model.filter.topic));
}

function switchFilter(name) {
  model.filter[name] = !model.filter[name];
  filtersChanged();
}

function switchSound() {
  alerts.switchSound(!alerts.sound);
  filters();
}

let headed = "";
function header() {
  const { status, counts } = model;
  const key = JSON.stringify([status, counts.total, model.missed, Boolean(model.paused), state]);
  if (key === headed) return;
  headed = key;
  fill(byId("session"), status?.session ? el("span", null, "session ", el("b", null, status.session.name)) : "no session yet");
  const proxy = status?.proxy ?? { state: "none" };
  const [glyph, words] = {
    running: ["●", `Recording${proxy.listening ? ` · proxy on ${proxy.listening}` : ""}`],
    ended: ["■", `The proxy has ended (${clock(proxy.last_sign)} UTC): nothing is recorded now`],
    gone: ["▲", "The proxy is gone"],
    none: ["○", "No proxy records this session"],
  }[proxy.state];
  byId("state").title = proxy.recording ? `The traffic is written to ${proxy.recording}` : "";
  byId("state").className = state === "open" ? proxy.state : "lost";
  fill(byId("state"), el("span", { "aria-hidden": "true" }, state === "open" ? glyph : "✕"), " ", state === "open" ? words : "Not connected");
  const total = counts.total;
  fill(byId("totals"), figure(total.counted, total.counted === 1 ? "act with health content" : "acts with health content", total.counted > 0),
    figure(total.acts, total.acts === 1 ? "act" : "acts"), figure(total.events, total.events === 1 ? "event" : "events"),
    proxy.seen !== undefined && figure(proxy.seen, "requests seen"));
  byId("pause").setAttribute("aria-pressed", String(Boolean(model.paused)));
  fill(byId("pause"), el("kbd", null, "p"), el("span", null, model.paused ? `Paused · ${count(model.missed, "new act")}` : "Pause"));
  for (const button of byId("statements").children) {
    const works = button.className === "session" ? proxy.state === "running" : proxy.marks;
    button.disabled = !works;
    button.title = works ? "" : "No proxy records this session now";
  }
  where(status?.page, proxy);
  banners(status, proxy);
}

function figure(number, label, strong = false) {
  return el("span", { class: strong ? "figure strong" : "figure" }, el("b", null, number.toLocaleString("en-GB")), " ", label);
}

function where(page, proxy) {
  fill(byId("where"), page
    ? [el("span", { class: "quiet" }, proxy.state === "running" ? "You are on " : "Last page: "), el("b", null, page.site), ` ${page.title || page.url}`, el("span", { class: "quiet" }, ` since ${clock(page.at)}`)]
    : el("span", { class: "quiet" }, "No page has been opened through the proxy yet."));
}

function banners(status, proxy) {
  const shown = [];
  if (state === "lost") shown.push(["loud", "The program behind this page is gone. Nothing new is shown here, and whether a proxy still records cannot be seen from here. Trying again …"]);
  else if (state === "closed") shown.push(["loud", "Open this page by the link that the program printed: this tab has no permission to read the session."]);
  if (status?.trouble) shown.push(["loud", status.trouble]);
  if (state === "open" && proxy.state === "gone") shown.push(["loud", `The proxy is gone without a word: last sign of life ${clock(proxy.last_sign)} UTC. Nothing is being recorded. What you do in the browser now is not seen.`]);
  if (proxy.holding && proxy.state === "running") shown.push(["hold", "⊘ HOLDING BACK: pixel requests are answered by the proxy and do not leave. This session cannot be compared with one that was not held."]);
  if (proxy.wanted) shown.push(["soft", `Waiting for the proxy to begin session ${proxy.wanted} …`]);
  for (const text of status?.warnings ?? []) shown.push(["soft", text]);
  fill(byId("banners"), shown.map(([kind, text]) => el("p", { class: `banner ${kind}` }, text)));
}

let quiet = 0;
function tell(text) {
  fill(byId("said"), el("p", null, text));
  clearTimeout(quiet);
  quiet = setTimeout(() => fill(byId("said")), 4000);
}

async function loadOlder() {
  try {
    const { epoch, acts } = await get(`/acts?before=${encodeURIComponent(model.oldest)}`);
    if (epoch === model.epoch) model.addOlder(acts);
  } catch (error) {
    tell(error.message);
  }
}

function pause() {
  model.pause(!model.paused);
  draw();
}

async function confirm() {
  const act = model.acts.get(list.selected);
  if (!act) return tell("Choose an act first, with j and k");
  if (!act.judged.length) return tell("There is nothing to review in this act");
  try {
    await send("/reviews", { events: act.judged, decision: "confirm", reason: "" });
    tell(`Confirmed: ${act.kind}: ${act.title}`);
  } catch (error) {
    tell(error.message);
  }
  return undefined;
}

function dismiss() {
  const act = model.acts.get(list.selected);
  if (!act) return tell("Choose an act first, with j and k");
  if (!act.judged.length) return tell("There is nothing to review in this act");
  return askReason(act, act.judged, tell);
}

function stateIt(statement) {
  if (model.status?.proxy?.marks) askStatement(statement, model, tell);
  else tell("No proxy records this session now: for an earlier moment, use pixelwitness mark");
}

const newSession = () => (model.status?.proxy?.state === "running" ? askSession(model, tell) : tell("The proxy is gone: a new session needs a running one"));
const openOverview = () => {
  list.select(null);
  overview(true);
  read();
};

const KEYS = new Map([
  ["j", [() => step(1), "next act"]],
  ["k", [() => step(-1), "act before"]],
  ["Enter", [() => list.selected && openSelected(), "open the act: full decode and ledger"]],
  ["Escape", [close, "close it"]],
  ["c", [confirm, "confirm the finding"]],
  ["d", [dismiss, "dismiss it, with a reason (1 to 4 are common ones)"]],
  ...STATEMENTS.map((statement) => [statement.key, [() => stateIt(statement), statement.says]]),
  ["s", [newSession, "new session"]],
  ["p", [pause, "pause the list; counting goes on"]],
  ["e", [() => alerts.see(), "see what was called out"]],
  ["x", [() => alerts.clear(), "put the call away"]],
  ["h", [() => switchFilter("health"), "only acts with health content"]],
  ["u", [() => switchFilter("open"), "only acts that are to be reviewed"]],
  ["m", [switchSound, "sound on or off"]],
  ["v", [openOverview, "overview: counts by site and topic, marks"]],
  ["o", [() => byId("report").click(), "open the report"]],
  ["?", [help, "these keys"]],
]);

function step(steps) {
  const id = list.beside(steps);
  if (!id) return;
  if (matchMedia("(min-width: 60rem)").matches) select(id, { scroll: true });
  else list.select(id, true);
}

function openSelected() {
  select(list.selected);
  pane.focus({ preventScroll: true });
}

function help() {
  showHelp([...KEYS].map(([key, [, text]]) => [key === "Escape" ? "Esc" : key, text]));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("dialog").open) return;
  if (event.target.closest("input, textarea, select")) return;
  if (event.key === "Enter" && event.target.closest("button, a, summary") && !event.target.closest("#acts")) return;
  const found = KEYS.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
  if (!found) return;
  event.preventDefault();
  found[0]();
});

byId("pause").addEventListener("click", pause);
byId("overview").addEventListener("click", openOverview);
byId("help").addEventListener("click", help);
fill(byId("statements"), STATEMENTS.map((statement) => el("button", { type: "button", class: statement.kind, onclick: () => stateIt(statement) },
  el("kbd", null, statement.key), el("span", null, statement.label))),
el("button", { type: "button", class: "session", onclick: newSession }, el("kbd", null, "s"), el("span", null, "New session")));
filters();

function connected(now) {
  state = now;
  if (now === "lost") mayEnter();
  header();
}

// A tab that lost its permission says so; one that lost the program waits for it.
async function mayEnter() {
  try {
    await get("/acts?before=0");
  } catch (error) {
    if (error.name !== "TypeError" && state !== "open") {
      state = "closed";
      header();
    }
  }
}

try {
  await enter();
} catch (error) {
  tell(error.message);
}
new Link(() => ({ epoch: model.epoch, sequence: model.sequence }), hear, connected);
header();
overview();
