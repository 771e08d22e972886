// The right-hand side: one act in full, or an overview of the session.

import { clock, count, el, fill, segments, severity } from "./dom.js";

export function showAct(pane, detail, actions) {
  const { card } = detail;
  const opened = new Set([...pane.querySelectorAll("details[open]")].map((node) => node.dataset.key));
  const same = pane.dataset.act === card.id;
  pane.dataset.act = card.id;
  const wanted = actions.event;
  fill(pane,
    el("div", { class: "bar" },
      el("button", { type: "button", class: "back", onclick: actions.close }, el("kbd", null, "Esc"), el("span", null, "Close"))),
    el("article", { class: `detail ${card.severity.band}` },
      el("p", { class: "kicker" }, `${card.kind} · ${card.site ?? "site not known"} · `, el("time", { datetime: card.at }, `${clock(card.at)} UTC`)),
      el("h2", null, card.title || "page not known"),
      el("p", { class: "verdict" }, severity(card.severity), card.about.length ? el("span", null, card.about.join(" · ")) : null),
      card.arrival.kind === "held"
        ? el("p", { class: "heldback" }, "⊘ HELD BACK: you asked the proxy to hold pixel requests. This did not leave.")
        : el("p", { class: "told" }, detail.sent),
      review(card, actions),
      detail.quotes.length > 0 && el("section", null, el("h3", null, "The words"),
        detail.quotes.map((quote) => el("div", { class: "quotation" },
          el("p", { class: "field" }, quote.where),
          el("blockquote", null, segments(quote.segments)),
          el("ul", null, quote.findings.map((found) => el("li", null, el("b", { class: "points" }, found.points), " ", found.kind, ". ", el("span", { class: "quiet" }, found.reason)))),
          quote.note && el("p", { class: "quiet" }, quote.note)))),
      el("section", null, el("h3", null, "What is known of it"), facts(detail.facts)),
      el("section", null, el("h3", null, `${count(detail.events.length + detail.more_events, "event")} of this act`),
        detail.events.map((event, number) => eventBlock(event, wanted ? event.id === wanted : same ? opened.has(event.id) : number === 0, same ? opened : new Set())),
        detail.more_events > 0 && el("p", { class: "quiet" }, `${count(detail.more_events, "further event")}: in the report`))));
  if (!same) pane.scrollTop = 0;
  if (wanted) pane.querySelector(`details[data-key="${CSS.escape(wanted)}"]`)?.scrollIntoView({ block: "start" });
}

function review(card, actions) {
  if (card.review.state === "none") return null;
  return el("div", { class: `reviewing ${card.review.state}` },
    el("p", null, el("b", null, "Review: "), card.review.text, el("span", { class: "quiet" }, ` — ${count(card.judged.length, "event")} of this act`)),
    el("button", { type: "button", onclick: actions.confirm }, el("kbd", null, "c"), el("span", null, "Confirm")),
    el("button", { type: "button", onclick: actions.dismiss }, el("kbd", null, "d"), el("span", null, "Dismiss …")));
}

function facts(rows) {
  return el("dl", { class: "known" }, rows.map(([label, text, ...notes]) => el("div", null, el("dt", null, label),
    el("dd", null, text, notes.map((note) => el("small", null, note))))));
}

function eventBlock(event, open, opened) {
  return el("details", { class: `event ${event.arrival.kind}`, "data-key": event.id, open },
    el("summary", null, severity(event.severity), " ", el("b", null, event.name), " ", el("span", { class: "quiet" }, `${clock(event.at)} · ${event.arrival.glyph} ${event.arrival.text}`)),
    facts(event.facts),
    event.tables.map((table, number) => {
      const key = `${event.id} ${table.title}`;
      return el("details", { class: "table", "data-key": key, open: opened.size ? opened.has(key) : number < 2 },
        el("summary", null, table.title, el("span", { class: "quiet" }, ` (${table.rows.length})`)),
        el("div", { class: "scroll" }, el("table", null,
          el("thead", null, el("tr", null, table.heads.map((head) => el("th", { scope: "col" }, head)))),
          el("tbody", null, table.rows.map((row) => el("tr", null, row.map(([text, code, note]) => el("td", null, code ? el("code", null, text) : text, note && el("small", null, note)))))))));
    }));
}

export function showOverview(pane, model, actions) {
  const { counts, status } = model;
  const total = counts.total;
  delete pane.dataset.act;
  const top = pane.scrollTop;
  fill(pane,
    el("div", { class: "bar narrow" }, el("button", { type: "button", class: "back", onclick: actions.close }, el("kbd", null, "Esc"), el("span", null, "Close"))),
    el("article", { class: "detail" },
      el("p", { class: "kicker" }, "Overview"),
      el("h2", null, status?.session ? status.session.name : "No session yet"),
      el("p", { class: "told" }, total.counted
        ? `On ${count(total.counted, "act")}, pages made this browser send health content to Meta; ${total.before_consent.toLocaleString("en-GB")} of them known to be before any choice or after refusal.`
        : total.acts ? "No act scored medium or above so far." : "Nothing has left for Meta so far. That does not prove that no pixel is there."),
      el("p", { class: "quiet" }, `${count(total.acts, "act")}, ${count(total.events, "event")}; ${total.low ?? 0} low, ${total.withheld ?? 0} held back or not sent, ${total.dismissed ?? 0} dismissed; ${total.open ?? 0} to review.`),
      tallies("By site", counts.sites, model.filter.site, actions.site),
      tallies("By topic", counts.topics, model.filter.topic, actions.topic),
      el("section", null, el("h3", null, "What you stated"),
        model.marks.length ? el("ul", { class: "marks" }, [...model.marks].reverse().slice(0, 40).map((mark) => el("li", null, el("time", null, clock(mark.at)), " ", el("b", null, mark.kind === "note" ? "Note" : ""), mark.kind === "note" ? " " : "", mark.text, el("span", { class: "quiet" }, ` — ${mark.site ?? "every site"}`))))
          : el("p", { class: "quiet" }, "Nothing yet. Buttons and keys above keep what you do with its time.")),
      model.proofs.length > 0 && el("section", null, el("h3", null, "Consent, as the traffic shows it"),
        el("ul", { class: "marks" }, [...model.proofs].reverse().slice(0, 20).map((proof) => el("li", null, el("time", null, clock(proof.at)), " ", proof.text, el("span", { class: "quiet" }, ` — ${proof.site}`))))),
      status?.problem_count > 0 && el("section", null, el("h3", null, `${count(status.problem_count, "thing")} could not be seen or read`),
        el("ul", { class: "problems" }, [...status.problems].reverse().map((text) => el("li", null, text)))),
      el("p", { class: "quiet" }, "Times are UTC. Identifiers are shortened. Bands are indications for a person to check.")));
  pane.scrollTop = top;
}

function tallies(title, rows, chosen, choose) {
  if (!rows.length) return null;
  const most = Math.max(...rows.map((row) => row.counted), 1);
  return el("section", null, el("h3", null, title), el("ul", { class: "tallies" }, rows.map((row) => {
    const bar = el("span", { class: `gauge ${row.band}` });
    bar.style.setProperty("--share", `${Math.round((100 * row.counted) / most)}%`);
    return el("li", null, el("button", { type: "button", "aria-pressed": String(chosen === row.key), onclick: () => choose(chosen === row.key ? null : row.key) },
      el("span", { class: `dot ${row.band}`, title: row.word }, row.glyph), el("span", { class: "name" }, row.name), bar,
      el("span", { class: "number" }, row.counted.toLocaleString("en-GB"), el("span", { class: "quiet" }, row.counted === row.acts ? "" : ` of ${row.acts.toLocaleString("en-GB")}`))));
  })));
}
