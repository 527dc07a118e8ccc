// Elements are made and never parsed from text: no name, payload or answer of a provider can become markup.
import { now } from "./live.js";

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    // The policy forbids style attributes. Properties that are set on the object are allowed.
    else if (name === "style") for (const [key, each] of Object.entries(value)) element.style.setProperty(key, each);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...flat(children));
  return element;
}

const flat = (children) => children.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false);

/** An HTML element. `on...` properties are listeners; false, null and undefined are left out. */
export const h = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);
/** An SVG element. */
export const s = (tag, properties, ...children) => fill(document.createElementNS(SVG, tag), properties, children);
/** Replaces the content of an element. */
export const put = (place, ...children) => { place.replaceChildren(...flat(children)); return place; };
/** Replaces the content of an element; a link in it that had the focus has it again. */
export function renew(place, ...children) {
  const focused = place.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  put(place, children);
  if (focused) [...place.querySelectorAll("a")].find((each) => each.getAttribute("href") === focused)?.focus({ preventScroll: true });
}

const texts = new WeakMap();
/** An item of an answer as JSON. Items never change, so that the text of each is made once, however often it is drawn. */
export function textOf(item) {
  if (!texts.has(item)) texts.set(item, JSON.stringify(item));
  return texts.get(item);
}

/**
 * Brings the children of `list` up to date. A child whose item is unchanged stays as it is, so that focus, selection and scroll
 * survive each poll. A changed item gets a new child, and the focus moves to the same place in it.
 */
export function keyed(list, items, key, make) {
  const old = new Map([...list.children].map((each) => [each.dataset.key, each]));
  // A time of today is shown without its day, so that after midnight all children are made anew.
  const today = new Date(now()).toDateString(), used = new Map();
  let after = null;
  for (const item of items) {
    // Items that nothing tells apart have one key; their place among their equals makes it unique.
    const plain = String(key(item)), n = used.get(plain) ?? 0, name = n ? `${plain} ${n}` : plain;
    used.set(plain, n + 1);
    const content = textOf(item) + today, before = old.get(name);
    const row = before?.content === content ? before : make(item);
    row.dataset.key = name;
    row.content = content;
    if (before && before !== row) {
      const focused = before.contains(document.activeElement) && document.activeElement.getAttribute("href");
      before.replaceWith(row);
      if (focused) [...row.querySelectorAll("a")].find((each) => each.getAttribute("href") === focused)?.focus();
    }
    old.delete(name);
    const next = after ? after.nextSibling : list.firstChild;
    if (row !== next) list.insertBefore(row, next);
    after = row;
  }
  for (const gone of old.values()) gone.remove();
}

/** The pairs of a definition list. A pair with an empty value is left out. */
export const facts = (...pairs) => h("dl", {}, pairs.filter((each) => each && each[1] !== null && each[1] !== undefined && each[1] !== false && each[1] !== "")
  .map(([name, ...value]) => [h("dt", {}, name), h("dd", {}, value)]));
/** A part of a detail with its heading. */
export const section = (title, ...content) => h("section", {}, title && h("h2", {}, title), content);
/** A value as JSON in a block that a keyboard can scroll. */
export const json = (value, label) => h("div", { class: "json" }, h("pre", { tabindex: 0, role: "region", "aria-label": label }, JSON.stringify(value, null, 2)));
export const button = (label, onclick, properties) => h("button", { type: "button", onclick, ...properties }, label);
export const link = (hash, ...content) => h("a", { href: hash }, content);
/** A hash route of ids. Each part is encoded, because ids may contain every character. */
export const to = (...parts) => "#/" + parts.map((each) => encodeURIComponent(String(each).toWellFormed())).join("/");

export const number = (n, isLowerBound) => `${isLowerBound ? "at least " : ""}${n.toLocaleString("en")}`;
export const plural = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const OLD_DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const HALF_A_YEAR = 182 * 24 * 3600 * 1000;
export const day = (iso) => { const at = new Date(iso); return (Math.abs(now() - at) < HALF_A_YEAR ? DAY : OLD_DAY).format(at); };
const isToday = (at) => at.toDateString() === new Date(now()).toDateString();
/** A time in the zone of the browser; UTC is in the title. `always` shows the day also for today, `never` does not show it, below a heading that has it. */
export function time(iso, { always = false, never = false } = {}) {
  if (!iso) return null;
  const at = new Date(iso), clock = CLOCK.format(at);
  return h("time", { datetime: iso, title: `${iso.replace("T", " ").replace("Z", "")} UTC` }, !never && (always || !isToday(at)) ? `${day(iso)} ${clock}` : clock);
}

/** Copies a text, and says so on the button for a moment. */
export const copyButton = (label, text) => button(label, async (event) => {
  const pressed = event.currentTarget;
  try {
    await navigator.clipboard.writeText(text());
    pressed.textContent = "Copied";
  } catch {
    pressed.textContent = "The browser does not allow copying";
  }
  setTimeout(() => { pressed.textContent = label; }, 1500);
});
