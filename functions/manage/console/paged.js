// A list of the API in a table: its newest page is read again and again, and older pages when a person asks for them.
import { get, problem } from "./api.js";
import { button, h, put } from "./dom.js";
import { poll } from "./live.js";
import { MOST_ROWS, loading } from "./table.js";

/**
 * Shows the list at `path` in `list` (a table). `query()` gives its filters, `key(item)` tells items apart, `empty()` is what an empty list shows, and
 * `onItems(items)` is called after each reading. `keep(item)` says which items are shown, where the API has no such filter. `failed` is the place for errors.
 *
 * While older pages are shown, the newest page is not read: new rows would push out what the person reads.
 */
export function paged({ list, path, query, key, empty, onItems = () => {}, keep = () => true, failed }) {
  let items = [], cursor = null, isPaged = false, stop = () => {};
  const isFiltered = () => Object.values(query()).some((each) => each !== null && each !== undefined && each !== "");

  function draw() {
    const kept = items.filter(keep);
    list.show(kept);
    if (kept.length) {
      list.note(isPaged && button("Back to the newest", restart), cursor && button("Look further back", older));
    } else if (cursor) {
      list.empty(h("p", {}, "Nothing in these days."), button("Look further back", older));
    } else {
      list.empty(isFiltered() || items.length ? h("p", {}, "Nothing is like this.") : empty());
    }
    onItems(items);
  }
  async function read(signal) {
    const body = await get(path, { ...query(), limit: 50 }, signal);
    const before = JSON.stringify(items);
    put(failed);
    items = body.items;
    cursor = body.next;
    draw();
    return before !== JSON.stringify(items);
  }
  async function older() {
    stop();
    isPaged = true;
    await loading(list.foot, get(path, { ...query(), cursor, limit: 50 }), (body) => {
      const known = new Set(items.map(key));
      items = [...items, ...body.items.filter((each) => !known.has(key(each)))].slice(-MOST_ROWS);
      cursor = body.next;
      draw();
      return [...list.foot.childNodes];
    }, older);
  }
  function start() {
    list.waiting();
    stop = poll(read, (error, seconds) => put(failed, problem(error, h("div", { class: "soft" }, `What is shown is older. The page tries again in ${seconds} s.`))));
  }
  /** Reads the newest page again, for example after a filter or the list itself has changed. */
  function restart() {
    stop();
    isPaged = false;
    items = [];
    cursor = null;
    start();
  }
  return { restart, start, draw, stop: () => stop(), find: (id) => items.find((each) => String(key(each)) === id), get items() { return items; } };
}
