// Elements are made here and nowhere else. Data only ever becomes text nodes and plain attribute values:
// nothing is parsed as HTML, so a page that was visited cannot put anything into this one.

export function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  put(node, children);
  return node;
}

function put(node, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false || child === "") continue;
    if (Array.isArray(child)) put(node, child);
    else node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

export function fill(node, ...children) {
  node.replaceChildren();
  put(node, children);
}

export const byId = (id) => document.getElementById(id);

// A moment as the report writes it, to the second.
export const clock = (moment) => (moment ? moment.slice(11, 19) : "");

export function severity({ band, glyph, word, score }) {
  return el("span", { class: `severity ${band}` }, el("span", { class: "glyph", "aria-hidden": "true" }, glyph),
    el("b", null, score), el("span", { class: "word" }, word));
}

export function segments(parts) {
  return parts.map(([text, marked]) => (marked ? el("mark", null, text) : text));
}

export const count = (number, one, many) => `${number.toLocaleString("en-GB")} ${number === 1 ? one : many ?? `${one}s`}`;

export const asLines = (text) => text.charAt(0).toUpperCase() + text.slice(1);
