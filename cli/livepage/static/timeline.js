// The timeline: acts by band in time, the investigator's marks, and where proved consent changed. One canvas.

import { byId, count, el, fill } from "./dom.js";

const LANES = ["critical", "high", "medium", "low", "none"];
const RECENT = 10 * 60 * 1000;
const EDGE = { left: 78, right: 16, top: 22, lane: 15, bottom: 20 };
const EVERY = 250; // milliseconds between two drawings
const FLAGS = { accepted: "accepted", refused: "declined", logged_in: "logged in", note: "note" };

export class Timeline {
  constructor(model, choose) {
    this.model = model;
    this.choose = choose;
    this.whole = false;
    this.canvas = byId("plot");
    this.places = [];
    this.drawn = 0;
    byId("zoom").addEventListener("click", () => {
      this.whole = !this.whole;
      this.draw();
    });
    this.canvas.addEventListener("click", (event) => this.hit(event));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  // Draws soon, and not more often than four times a second.
  soon() {
    if (this.timer) return;
    this.timer = setTimeout(() => requestAnimationFrame(() => this.draw()), Math.max(0, EVERY - (performance.now() - this.drawn)));
  }

  range(moments) {
    const running = this.model.status?.proxy?.state === "running";
    const last = running ? Math.max(Date.now(), ...moments.slice(-1)) : moments[moments.length - 1];
    const first = this.whole ? moments[0] : Math.max(moments[0], last - RECENT);
    return [first, Math.max(last, first + 10000)];
  }

  draw() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.drawn = performance.now();
    const { model, canvas } = this;
    const ratio = devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = EDGE.top + LANES.length * EDGE.lane + EDGE.bottom;
    if (!width) return;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const marks = model.marks.map((mark) => ({ ...mark, ms: Date.parse(mark.at) }));
    const points = [...model.points.entries()];
    const moments = [...points.map(([, [at]]) => at), ...marks.map((mark) => mark.ms)].sort((a, b) => a - b);
    this.places = [];
    this.lanes(pen, width, colour);
    if (!moments.length) {
      this.words(0, null);
      return;
    }
    const [first, last] = this.range(moments);
    const x = (at) => EDGE.left + ((at - first) / (last - first)) * (width - EDGE.left - EDGE.right);
    this.axis(pen, first, last, x, height, colour);
    for (const proof of model.proofs) this.proof(pen, proof, x, first, last, height, colour);
    this.flags(pen, marks.filter((mark) => mark.ms >= first && mark.ms <= last), x, width, height, colour);
    const shown = points.filter(([, [at]]) => at >= first && at <= last).sort((a, b) => LANES.indexOf(b[1][1]) - LANES.indexOf(a[1][1]));
    for (const [id, [at, band, standing]] of shown) {
      const place = [x(at), this.y(band)];
      this.places.push([id, ...place]);
      shape(pen, band, standing, ...place, colour);
    }
    this.words(shown.length, [first, last]);
  }

  y(band) {
    return EDGE.top + (LANES.indexOf(band) + 0.5) * EDGE.lane;
  }

  lanes(pen, width, colour) {
    pen.font = "11px system-ui, sans-serif";
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    for (const band of LANES) {
      pen.fillStyle = colour(band);
      pen.fillText(band, EDGE.left - 14, this.y(band));
      pen.fillStyle = colour("rule");
      pen.fillRect(EDGE.left - 6, Math.round(this.y(band)), width - EDGE.left - EDGE.right + 12, 1);
    }
  }

  axis(pen, first, last, x, height, colour) {
    const steps = [1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400].map((seconds) => seconds * 1000);
    const most = Math.max(2, Math.floor((x(last) - x(first)) / 110));
    const step = steps.find((size) => (last - first) / size <= most) ?? (last - first) / most;
    pen.fillStyle = colour("quiet");
    pen.textAlign = "center";
    for (let at = Math.ceil(first / step) * step; at <= last; at += step) {
      pen.fillText(new Date(at).toISOString().slice(11, 19), Math.min(x(at), x(last) - 12), height - 8);
      pen.fillRect(Math.round(x(at)), height - EDGE.bottom, 1, 4);
    }
  }

  proof(pen, proof, x, first, last, height, colour) {
    const at = Date.parse(proof.at);
    if (at < first || at > last) return;
    pen.fillStyle = colour("link");
    pen.fillRect(Math.round(x(at)) - 1, height - EDGE.bottom - 5, 3, 5);
  }

  flags(pen, marks, x, width, height, colour) {
    let free = 0;
    pen.textAlign = "left";
    for (const mark of marks.sort((a, b) => a.ms - b.ms)) {
      const place = Math.round(x(mark.ms));
      pen.strokeStyle = colour("link");
      pen.setLineDash(mark.kind === "note" ? [2, 3] : []);
      pen.lineWidth = mark.kind === "note" ? 1 : 2;
      pen.beginPath();
      pen.moveTo(place, 14);
      pen.lineTo(place, height - EDGE.bottom);
      pen.stroke();
      const text = `⚑ ${FLAGS[mark.kind]}`;
      const size = pen.measureText(text).width;
      const left = Math.min(place - 3, width - size - 2);
      if (left >= free) {
        pen.fillStyle = colour("link");
        pen.fillText(text, left, 8);
        free = left + size + 8;
      }
    }
    pen.setLineDash([]);
  }

  words(shown, range) {
    const { total } = this.model.counts;
    const flags = this.model.marks.length;
    const clockOf = (ms) => new Date(ms).toISOString().slice(11, 19);
    const text = range ? `${count(shown, "act")} from ${clockOf(range[0])} to ${clockOf(range[1])} UTC` : "Nothing yet";
    if (byId("span").textContent !== text) byId("span").textContent = text;
    const label = this.whole ? "Last ten minutes" : "Whole session";
    if (byId("zoom").textContent !== label) fill(byId("zoom"), label);
    this.canvas.setAttribute("aria-label", `Timeline: ${text}; ${total.counted} with health content in all, ${count(flags, "mark")} of yours`);
  }

  hit(event) {
    const box = this.canvas.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    let best = null;
    for (const [id, x, y] of this.places) {
      const away = Math.hypot(x - px, y - py);
      if (away < 14 && (!best || away < best[1])) best = [id, away];
    }
    if (best) this.choose(best[0]);
  }
}

// Each band has a shape of its own; what did not leave or was dismissed is drawn hollow.
function shape(pen, band, standing, x, y, colour) {
  const hollow = standing === "withheld" || standing === "dismissed" || band === "low";
  pen.beginPath();
  if (band === "critical") {
    pen.moveTo(x, y - 6.5); pen.lineTo(x + 5, y); pen.lineTo(x, y + 6.5); pen.lineTo(x - 5, y);
  } else if (band === "high") {
    pen.moveTo(x, y - 6); pen.lineTo(x + 5, y + 5); pen.lineTo(x - 5, y + 5);
  } else if (band === "medium") pen.rect(x - 4.5, y - 4.5, 9, 9);
  else pen.arc(x, y, band === "low" ? 4 : 2, 0, 7);
  pen.closePath();
  pen.globalAlpha = 0.85; // where acts follow closely, each stays visible
  pen.lineWidth = hollow ? 1.6 : 0.8;
  pen.fillStyle = hollow ? colour("paper") : colour(band);
  pen.fill();
  pen.strokeStyle = hollow ? colour(band) : colour("paper");
  pen.stroke();
  pen.globalAlpha = 1;
}
