// The list: one card per act, newest first. Only the newest are elements; the rest waits until asked for.

import { byId, clock, count, el, fill, segments, severity } from "./dom.js";

const STEP = 60; // cards shown at first, and how many more at each request

export class List {
  constructor(model, choose, loadOlder) {
    this.model = model;
    this.choose = choose;
    this.loadOlder = loadOlder;
    this.most = STEP;
    this.cards = new Map();
    this.dirty = new Set();
    this.selected = null;
    this.list = byId("acts");
    this.list.addEventListener("click", (event) => {
      const card = event.target.closest("li[data-id]");
      if (card && getSelection().isCollapsed) this.choose(card.dataset.id, event.target.closest("[data-event]")?.dataset.event);
    });
  }

  render() {
    const ids = this.model.visible(this.most);
    let place = this.list.firstElementChild;
    const kept = new Set(ids);
    for (const id of ids) {
      let card = this.cards.get(id);
      if (!card || this.dirty.has(id)) {
        const made = this.card(this.model.acts.get(id), !card);
        if (card) {
          if (card.contains(document.activeElement)) requestAnimationFrame(() => made.querySelector("button").focus({ preventScroll: true }));
          if (place === card) place = made;
          card.replaceWith(made);
        }
        this.cards.set(id, made);
        card = made;
      }
      if (card === place) place = place.nextElementSibling;
      else this.list.insertBefore(card, place);
    }
    for (const [id, card] of this.cards) {
      if (!kept.has(id)) {
        card.remove();
        this.cards.delete(id);
      }
    }
    this.dirty.clear();
    this.foot(ids);
  }

  foot(ids) {
    const { model } = this;
    const all = !model.filtered && model.hasAll && ids.length >= model.order.length;
    const text = ids.length
      ? `${count(ids.length, "act")} shown${model.filtered ? "" : ` of ${model.counts.total.acts.toLocaleString("en-GB")}`}.`
      : model.filtered ? "No act fits." : "Nothing has left for Meta yet. That does not prove that no pixel is there.";
    const key = `${text}${all}`;
    if (key === this.footed) return;
    this.footed = key;
    const more = !all && (ids.length >= this.most || !model.hasAll);
    fill(byId("more"), text, more && el("button", { type: "button", onclick: () => this.showMore() }, "Show older"));
  }

  async showMore() {
    this.most += STEP;
    this.footed = "";
    if (!this.model.hasAll && !this.model.paused) await this.loadOlder();
    this.render();
  }

  // Gives up cards that were asked for, once the reader is back at the top.
  trim() {
    this.most = STEP;
  }

  card(act, fresh) {
    const health = act.standing !== "nothing";
    const item = el("li", {
      class: `act ${health ? "health" : "quiet"} ${act.severity.band} ${act.standing} ${act.arrival.kind}${fresh ? " fresh" : ""}`,
      "data-id": act.id, "aria-current": act.id === this.selected ? "true" : null,
    });
    item.append(
      el("div", { class: "rank" }, severity(act.severity)),
      el("div", { class: "body" },
        el("div", { class: "head" },
          el("button", { type: "button", class: "title" }, el("span", { class: "kind" }, act.kind), " ", act.title || "page not known"),
          el("time", { datetime: act.at }, clock(act.at))),
        el("p", { class: "place" }, act.url || "page not known"),
        act.arrival.kind === "held" && el("p", { class: "heldback" }, "⊘ HELD BACK: this did not leave"),
        health && act.quotes.map((quote) => el("p", { class: "quote" }, el("span", { class: "field" }, quote.where), " ", segments(quote.segments))),
        act.more_quotes > 0 && el("p", { class: "field" }, `and ${count(act.more_quotes, "further value")} with such words`),
        health && this.facts(act),
        this.events(act)));
    return item;
  }

  facts(act) {
    const consent = act.consent;
    return el("ul", { class: "facts" },
      act.special && el("li", { class: "special" }, "particularly sensitive"),
      el("li", { class: consent.before ? "before" : null }, consent.before ? "! " : "", `consent: ${consent.text}`),
      el("li", null, act.ties.length ? `with ${act.ties.join(", ")}` : `tied by ${act.tied.text}`, act.more_ties > 0 && ` and ${act.more_ties} more`),
      el("li", { class: `arrival ${act.arrival.kind}` }, `${act.arrival.glyph} ${act.arrival.text}`),
      act.review.state !== "none" && el("li", { class: `review ${act.review.state}` }, act.review.state === "confirmed" ? "✓ " : act.review.state === "dismissed" ? "✗ " : "", act.review.text),
      act.other && el("li", { class: "other" }, `apart from health: ${act.other.about.join(", ")} ${act.other.severity.glyph} ${act.other.severity.score}`));
  }

  events(act) {
    const shown = act.events.slice(0, 4);
    const rest = act.total - shown.length;
    return el("ul", { class: "events", "aria-label": `${count(act.total, "event")} of this act` },
      shown.map((event) => el("li", { "data-event": event.id, class: event.arrival.kind },
        el("span", { class: `dot ${event.severity.band}`, title: `${event.severity.word} ${event.severity.score}` }, event.severity.glyph),
        el("b", null, event.name), el("span", { class: "to" }, ` → ${event.host}`),
        el("span", { class: "way" }, event.requests > 1 ? ` ${event.requests} requests` : "", ` ${event.arrival.glyph} ${event.arrival.text}`))),
      rest > 0 && el("li", { class: "rest" }, `and ${count(rest, "further event")}`));
  }

  select(id, scroll) {
    for (const [other, card] of this.cards) {
      if (other === id) card.setAttribute("aria-current", "true");
      else if (other === this.selected) card.removeAttribute("aria-current");
    }
    this.selected = id;
    if (scroll) {
      const card = this.cards.get(id);
      card?.scrollIntoView({ block: "nearest" });
      card?.querySelector("button").focus({ preventScroll: true });
    }
  }

  // Returns the id `steps` below the selected one.
  beside(steps) {
    const ids = [...this.list.children].map((card) => card.dataset.id);
    const at = ids.indexOf(this.selected);
    if (at < 0) return ids[0] ?? null;
    return ids[Math.min(ids.length - 1, Math.max(0, at + steps))] ?? null;
  }
}
