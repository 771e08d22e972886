// What the page knows: acts by id, their order, and what they add up to. No element is touched here.

const KEPT = 3000; // acts kept beyond those asked for

export class Model {
  constructor() {
    this.epoch = "";
    this.sequence = -1;
    this.settings = { alert: 60, by: null };
    this.status = null;
    this.marks = [];
    this.proofs = [];
    this.filter = { site: null, topic: null, health: false, open: false };
    this.clear();
  }

  clear() {
    this.acts = new Map();
    this.order = []; // ids, the newest first
    this.points = new Map(); // id: [moment in milliseconds, band, standing]
    this.counts = { total: { acts: 0, events: 0, counted: 0 }, sites: [], topics: [] };
    this.paused = null; // ids shown while paused
  }

  // Takes a message of the server; returns the ids of acts that are new or changed.
  take(message) {
    const whole = message.type === "whole";
    if (whole) {
      const same = this.epoch === message.epoch;
      const paused = same ? this.paused : null;
      this.clear();
      this.paused = paused;
      for (const [id, at, band, standing] of message.points) this.points.set(id, [Date.parse(at), band, standing]);
    }
    this.epoch = message.epoch;
    this.sequence = message.sequence;
    for (const id of message.gone ?? []) this.remove(id);
    for (const act of message.acts) this.upsert(act);
    this.counts = message.counts;
    if (message.status) this.status = message.status;
    if (message.marks) this.marks = message.marks;
    if (message.proofs) this.proofs = message.proofs;
    while (this.order.length > KEPT && !this.paused) this.acts.delete(this.order.pop());
    return new Set(message.acts.map((act) => act.id));
  }

  upsert(act) {
    const before = this.acts.get(act.id);
    if (!before || before.at !== act.at) {
      if (before) this.order.splice(this.order.indexOf(act.id), 1);
      this.order.splice(this.place(act.at), 0, act.id);
    }
    this.acts.set(act.id, act);
    this.points.set(act.id, [Date.parse(act.at), act.severity.band, act.standing]);
  }

  // Returns where in the order an act of this moment belongs; new ones mostly come first.
  place(at) {
    let low = 0;
    let high = this.order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.acts.get(this.order[middle]).at > at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  remove(id) {
    this.points.delete(id);
    if (this.acts.delete(id)) this.order.splice(this.order.indexOf(id), 1);
  }

  addOlder(acts) {
    for (const act of acts) if (!this.acts.has(act.id)) this.upsert(act);
  }

  get oldest() {
    const id = this.order[this.order.length - 1];
    return id ? this.acts.get(id).at : "9999";
  }

  get hasAll() {
    return this.acts.size >= this.counts.total.acts;
  }

  get filtered() {
    return Object.values(this.filter).some((value) => value !== null && value !== false);
  }

  fits(act) {
    const { site, topic, health, open } = this.filter;
    if (site !== null && (act.site ?? "") !== site) return false;
    if (topic !== null && !act.topics.includes(topic)) return false;
    if (health && act.standing === "nothing") return false;
    return !open || act.review.state === "open";
  }

  // Returns the ids to show, the newest first, at most `most`.
  visible(most) {
    const found = [];
    for (const id of this.paused ?? this.order) {
      const act = this.acts.get(id);
      if (act && this.fits(act)) found.push(id);
      if (found.length >= most) break;
    }
    return found;
  }

  pause(on) {
    this.paused = on ? [...this.order] : null;
    this.pausedAt = on ? this.counts.total.acts : 0;
  }

  get missed() {
    return this.paused ? Math.max(0, this.counts.total.acts - this.pausedAt) : 0;
  }
}
