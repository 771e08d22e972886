// What the investigator states: each key opens a small form whose moment is that of the key. Enter keeps it.

import { asLines, byId, el, fill } from "./dom.js";
import { send } from "./link.js";

export const STATEMENTS = [
  { key: "a", kind: "accepted", label: "I accepted cookies", says: "I accepted cookies" },
  { key: "r", kind: "refused", label: "I declined cookies", says: "I declined cookies" },
  { key: "g", kind: "changed", label: "I changed my choice", says: "I changed my choice on cookies" },
  { key: "l", kind: "logged_in", label: "I logged in", says: "I logged in" },
  { key: "t", kind: "typed", label: "I typed the test details", says: "I typed the test person's details",
    hint: "Which fields, for example: name and e-mail on the contact form. Never the details themselves." },
  { key: "n", kind: "note", label: "Note", says: "Note", hint: "What happened or what you saw", needed: true },
];

const REASONS = [
  "the words are not about health here",
  "a page about the organisation, not about a condition",
  "a job, news or press page",
  "an act of testing, not of the visit",
];

const dialog = () => byId("dialog");

function open(title, moment, ...content) {
  const form = el("form", { novalidate: true },
    el("h2", { id: "asked" }, title),
    moment && el("p", { class: "quiet" }, `at ${moment} UTC, the moment you began`),
    ...content,
    el("p", { class: "wrong", role: "alert" }));
  fill(dialog(), form);
  dialog().setAttribute("aria-labelledby", "asked");
  dialog().showModal();
  return form;
}

function buttons(label) {
  return el("p", { class: "buttons" },
    el("button", { type: "submit", class: "main" }, el("kbd", null, "Enter"), el("span", null, label)),
    el("button", { type: "button", onclick: () => dialog().close() }, el("kbd", null, "Esc"), el("span", null, "Cancel")));
}

// Calls `work` when the form is sent; closes where it succeeds and says what is wrong where it does not.
function onSend(form, work, done) {
  let busy = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    try {
      const said = await work();
      dialog().close();
      done(said);
    } catch (error) {
      fill(form.querySelector(".wrong"), error.message);
    } finally {
      busy = false;
    }
  });
}

export function askStatement(statement, model, done) {
  const began = performance.now();
  const moment = new Date().toISOString().slice(11, 19);
  const here = model.status?.page?.site ?? null;
  const sites = [...new Set([here, ...model.counts.sites.map((row) => row.key)])].filter(Boolean);
  const site = el("select", { id: "site" }, sites.map((name) => el("option", { value: name }, name)), el("option", { value: "" }, "every site"));
  const text = el("input", { id: "words", type: "text", maxlength: 2000, autocomplete: "off", placeholder: statement.hint ?? "in your own words, if you want" });
  const choice = statement.kind === "changed" && el("fieldset", null, el("legend", null, "What holds now?"),
    [["changed_partly", "some purposes accepted, others not"], ["changed_accepted", "everything accepted"], ["changed_refused", "everything declined"]].map(([value, label], number) =>
      el("label", { class: "radio" }, el("input", { type: "radio", name: "now", value, checked: number === 0 }), label)),
    el("p", { class: "quiet" }, "A partial choice is kept as a note: what the cookies show stays what counts."));
  const form = open(statement.says, moment, choice,
    el("label", { for: "site" }, "On"), site,
    el("label", { for: "words" }, statement.needed ? "Words" : "Add words"), text, buttons("Keep"));
  text.focus();
  onSend(form, async () => {
    const kind = choice ? form.querySelector("input[name=now]:checked").value : statement.kind;
    await send("/marks", { kind, site: site.value, text: text.value, ago: (performance.now() - began) / 1000 });
    return `Kept: ${statement.says}, ${moment} UTC, ${site.value || "every site"}`;
  }, done);
}

export function askReason(act, events, done) {
  const text = el("input", { id: "words", type: "text", maxlength: 2000, autocomplete: "off" });
  const form = open("Dismiss: why does it not count?", "",
    el("p", null, act.kind, ": ", act.title),
    el("label", { for: "words" }, "The report will show this reason"), text,
    el("div", { class: "reasons" }, REASONS.map((reason, number) =>
      el("button", { type: "button", onclick: () => choose(reason) }, el("kbd", null, number + 1), el("span", null, asLines(reason))))),
    buttons("Dismiss"));
  const choose = (reason) => {
    text.value = reason;
    form.requestSubmit();
  };
  text.addEventListener("keydown", (event) => {
    const reason = REASONS[Number(event.key) - 1];
    if (reason && !text.value && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      choose(reason);
    }
  });
  text.focus();
  onSend(form, async () => {
    await send("/reviews", { events, decision: "dismiss", reason: text.value });
    return "Dismissed. The reason stands in the report";
  }, done);
}

export function askSession(model, done) {
  const name = el("input", { id: "words", type: "text", maxlength: 80, autocomplete: "off", placeholder: "for example: trust-accepted" });
  const form = open("New session", "",
    el("p", null, "From now on the proxy records into a session of this name. The page follows it; the present session stays in the database."),
    el("label", { for: "words" }, "Name"), name, buttons("Begin"));
  name.focus();
  onSend(form, async () => {
    await send("/sessions", { name: name.value });
    return `Asked the proxy for session ${name.value.trim()}`;
  }, done);
}

export function showHelp(keys) {
  open("Keys", "",
    el("dl", { class: "keys" }, keys.map(([key, text]) => el("div", null, el("dt", null, key.split(" ").map((part) => el("kbd", null, part))), el("dd", null, text)))),
    el("p", { class: "quiet" }, "◆ critical 80–100 · ▲ high 60–79 · ■ medium 40–59 · ○ low 25–39 · · none. ✓ answered · → sent, no answer seen · ⊘ held back · ✕ not sent · ? not known."),
    el("p", { class: "buttons" }, el("button", { type: "button", class: "main", autofocus: true, onclick: () => dialog().close() }, el("kbd", null, "Esc"), el("span", null, "Close"))));
}
