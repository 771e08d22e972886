// Alerts: acts at or over a score are called out, once each. A sound only if asked.

import { byId, clock, el, fill, severity } from "./dom.js";

export class Alerts {
  constructor(model, choose) {
    this.model = model;
    this.choose = choose;
    this.told = new Set();
    this.open = []; // the newest first
    this.sound = false;
    this.rung = 0;
  }

  // Acts that were there before this tab opened are history, not news.
  known(acts) {
    for (const act of acts) this.told.add(act.id);
  }

  take(acts) {
    for (const act of acts) {
      if (act.severity.score < this.model.settings.alert || act.standing === "dismissed" || this.told.has(act.id)) continue;
      this.told.add(act.id);
      this.open.unshift(act.id);
      this.ring();
    }
    this.open = this.open.filter((id) => this.model.acts.has(id)).slice(0, 99);
    this.render();
  }

  render() {
    const act = this.model.acts.get(this.open[0]);
    const key = act ? `${act.id} ${act.severity.score} ${act.arrival.kind} ${this.open.length}` : "";
    if (key === this.shown) return;
    this.shown = key;
    document.title = this.open.length ? `(${this.open.length}) ${act.severity.glyph} Pixelwitness live` : "Pixelwitness live";
    fill(byId("alert"), act && el("div", { class: `alert ${act.severity.band}` },
      severity(act.severity),
      el("p", null, el("b", null, `${act.kind}: ${act.title || "page not known"}`),
        ` ${clock(act.at)} · ${act.site ?? "site not known"} · consent: ${act.consent.text} · ${act.arrival.text}`,
        this.open.length > 1 ? ` · and ${this.open.length - 1} more` : ""),
      el("button", { type: "button", onclick: () => this.see() }, el("kbd", null, "e"), el("span", null, "See it")),
      el("button", { type: "button", onclick: () => this.clear() }, el("kbd", null, "x"), el("span", null, "Put away"))));
  }

  see() {
    const id = this.open.shift();
    this.render();
    if (id) this.choose(id);
  }

  clear() {
    this.open = [];
    this.render();
  }

  seen(id) {
    if (!this.open.includes(id)) return;
    this.open = this.open.filter((other) => other !== id);
    this.render();
  }

  switchSound(on) {
    this.sound = on;
    if (on) this.ring(true);
  }

  // Two short tones, at most once a second.
  ring(now = false) {
    if (!this.sound || (!now && performance.now() - this.rung < 1000)) return;
    this.rung = performance.now();
    this.audio ??= new AudioContext();
    for (const [start, pitch] of [[0, 660], [0.14, 880]]) {
      const tone = this.audio.createOscillator();
      const volume = this.audio.createGain();
      const at = this.audio.currentTime + start;
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0, at);
      volume.gain.linearRampToValueAtTime(0.12, at + 0.02);
      volume.gain.linearRampToValueAtTime(0, at + 0.12);
      tone.connect(volume).connect(this.audio.destination);
      tone.start(at);
      tone.stop(at + 0.13);
    }
  }
}
