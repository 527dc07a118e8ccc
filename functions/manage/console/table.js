// A list beside a detail: a real table on the left, a detail that opens in place on the right. On a small screen the detail replaces the list.
import { button, h, keyed, put } from "./dom.js";
import { problem } from "./api.js";

const LOADING_AFTER = 300; // milliseconds; a shorter wait shows nothing, so that the page does not flicker
export const MOST_ROWS = 200;

/** Shows "loading…" in `place` if the promise takes longer than 300 ms, and an error with a way to try again. Old content stays until then. */
export async function loading(place, promise, show, again) {
  const timer = setTimeout(() => place.append(h("div", { class: "note loading" }, "loading…")), LOADING_AFTER);
  try {
    const content = await show(await promise), isFocused = place.contains(document.activeElement);
    put(place, content);
    // The button that was pressed is gone. The next Tab goes on from here, and not from the start of the page.
    if (isFocused && !place.contains(document.activeElement)) { place.tabIndex = -1; place.focus({ preventScroll: true }); }
  } catch (error) {
    if (error.name === "AbortError") return;
    for (const old of place.querySelectorAll(".loading, .problem")) old.remove();
    place.prepend(problem(error, again && h("div", {}, button("Try again", again))));
  } finally {
    clearTimeout(timer);
  }
}

/** Shows "loading…" in an empty place that has not been filled after 300 ms. */
export function soon(place) {
  setTimeout(() => { if (!place.firstChild) put(place, h("div", { class: "note loading" }, "loading…")); }, LOADING_AFTER);
}

/**
 * A table whose rows stay as they are from poll to poll.
 *
 * `columns` are `{ name, class }`; `key(item)` tells items apart; `cells(item)` gives the content of a row's cells; `open(item)` is the hash that opens the
 * item, null if there is nothing to open. Its link is in the second cell and covers the row.
 */
export function table({ label, columns, key, cells, open }) {
  const body = h("tbody");
  const foot = h("div", { class: "foot" });
  const element = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, h("table", {},
    h("thead", {}, h("tr", {}, columns.map((each) => h("th", { scope: "col", class: each.class }, each.name)))), body), foot);
  let chosen = null;
  const make = (item) => h("tr", { "aria-current": String(key(item)) === chosen && "true" }, cells(item).map((content, n) => h("td", { class: columns[n].class },
    n === 1 && open(item) ? h("a", { class: "open", href: open(item) }, content) : content)));
  return {
    element, body, foot,
    /** Shows the items; the caller limits their number. */
    show(items) { keyed(body, items.slice(0, MOST_ROWS), key, make); },
    /** Marks the row of an item, by its key; null marks none. */
    choose(id) {
      chosen = id === null ? null : String(id);
      for (const row of body.children) { if (row.dataset.key === chosen) row.setAttribute("aria-current", "true"); else row.removeAttribute("aria-current"); }
    },
    /** Whether the person reads further down or stands on a row, so that new rows must not move what they see. */
    isInUse: () => element.scrollTop > 8 || document.scrollingElement.scrollTop > 8 || body.contains(document.activeElement),
    /** Scrolls to the newest row. On a small screen the page scrolls, and not the list. */
    toTop() { element.scrollTop = document.scrollingElement.scrollTop = 0; },
    focusRow(id) { ([...body.children].find((row) => row.dataset.key === String(id))?.querySelector("a.open") ?? element).focus(); },
    /** Says after 300 ms that rows are on their way. What `note` or `empty` shows then takes its place. */
    waiting() {
      put(foot);
      setTimeout(() => { if (!foot.firstChild && !body.firstChild) put(foot, h("div", { class: "note loading" }, "loading…")); }, LOADING_AFTER);
    },
    empty(...content) { put(foot, h("div", { class: "empty" }, content)); },
    note(...content) { put(foot, content.length > 0 && h("div", { class: "note" }, content)); },
  };
}

/**
 * A list with a detail beside it. `onClose` leads back to the list. `open(title, ...content)` shows a detail, moves the focus to its heading, and returns
 * its element; showing the same `id` again keeps focus and scroll.
 */
export function split(list, label, onClose) {
  const aside = h("aside", { "aria-label": label });
  const element = h("div", { class: "split detail closed" }, list.element);
  let shown = null;
  return {
    element, aside,
    open(id, title, ...content) {
      const isNew = shown !== id, top = aside.scrollTop;
      const heading = h("h2", { tabindex: -1 }, title);
      const focused = !isNew && aside.contains(document.activeElement);
      put(aside, h("header", {}, heading, button("✕", onClose, { "aria-label": "Close" })), content);
      if (!aside.isConnected) element.append(aside);
      element.classList.remove("closed");
      list.choose?.(id);
      if (isNew || focused) heading.focus({ preventScroll: !isNew });
      aside.scrollTop = isNew ? 0 : top;
      shown = id;
      return aside;
    },
    close() {
      if (shown === null) return;
      const id = shown, isFocused = aside.contains(document.activeElement) || document.activeElement === document.body;
      shown = null;
      aside.remove();
      element.classList.add("closed");
      list.choose?.(null);
      if (isFocused) list.focusRow?.(id);
    },
    /** Says after 300 ms that the detail `id` is on its way. `isWanted()` is false when it no longer is, or when it has come. */
    waiting(id, title, isWanted) {
      setTimeout(() => { if (shown !== id && isWanted()) this.open(id, title, h("section", { class: "soft" }, "loading…")); }, LOADING_AFTER);
    },
    get shown() { return shown; },
  };
}

/** A group of buttons of which one is pressed. `options` are `[value, label]`. */
export function segments(label, options, value, onChange) {
  const buttons = options.map(([each, text]) => button(text, () => { select(each); onChange(each); }, { "data-value": each }));
  const select = (chosen) => { for (const each of buttons) each.setAttribute("aria-pressed", String(each.dataset.value === String(chosen))); };
  select(value);
  return Object.assign(h("div", { class: "segments", role: "group", "aria-label": label }, buttons), { select });
}
