// The way to the program behind the page: a WebSocket that comes back by itself, and requests that change something.

const FIRST = 250; // milliseconds until the first new attempt; each further one waits twice as long
const LONGEST = 8000;

export class Refused extends Error {}

// Exchanges the token of the address for a cookie, then takes it out of the address bar and the history.
export async function enter() {
  const token = location.hash.slice(1);
  if (!token) return;
  history.replaceState(null, "", "/");
  await send("/enter", { token });
}

export async function send(path, body) {
  return answered(await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Pixelwitness": "page" },
    body: JSON.stringify(body),
    credentials: "same-origin",
  }));
}

export async function get(path) {
  return answered(await fetch(path, { headers: { "X-Pixelwitness": "page" }, credentials: "same-origin" }));
}

async function answered(response) {
  const data = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(data.error ?? `The program answered with ${response.status}`);
  return data;
}

// `where()` returns what is known already; `hear(message)` gets each message; `told(state)` open, lost or closed.
export class Link {
  constructor(where, hear, told) {
    this.where = where;
    this.hear = hear;
    this.told = told;
    this.wait = FIRST;
    this.connect();
  }

  connect() {
    const socket = new WebSocket(`ws://${location.host}/live`);
    socket.addEventListener("open", () => {
      this.wait = FIRST;
      socket.send(JSON.stringify(this.where()));
      this.told("open");
    });
    socket.addEventListener("message", (event) => this.hear(JSON.parse(event.data)));
    socket.addEventListener("close", () => {
      this.told("lost");
      setTimeout(() => this.connect(), this.wait * (0.75 + Math.random() / 2));
      this.wait = Math.min(LONGEST, this.wait * 2);
    });
  }
}
