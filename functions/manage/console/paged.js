// A list of the API in a table: its newest page is read again and again, and older pages when a person asks for them.
import { get, problem } from "./api.js";
import { button, h, put } from "./dom.js";
import { poll } from "./live.js";
import { MOST_ROWS, loading } from "./table.js";

/**
 * Shows the list at `path` in `list` (a table). `query()` gives its filters, `fixed` a part of the query that is no filter, `key(item)` tells items apart,
 * `empty()` is what an empty list shows, and `onItems(items)` is called after each reading. `every` is a fixed pause between two readings and `limit` the
 * number of items of a page, for lists that are expensive to read; `more` is the label of the button for the next page. `failed` is the place for errors.
 *
 * While older pages are shown, the newest page is not read: new rows would push out what the person reads.
 */
export function paged({ list, path, query, key, empty, onItems = () => {}, fixed = {}, every = null, limit = 50, more = "Look further back", failed }) {
  let items = [], cursor = null, isPaged = false, isRead = false, turn = 0, footed = "", stop = () => {};
  const isFiltered = () => Object.values(query()).some((each) => each !== null && each !== undefined && each !== "");

  function draw() {
    list.show(items);
    // The foot stays as it is from poll to poll, so that its buttons keep the focus.
    const foot = JSON.stringify([items.length > 0, isPaged, Boolean(cursor), isFiltered()]);
    if (foot !== footed || !list.foot.firstChild || list.foot.querySelector(".loading, .problem")) {
      if (items.length) list.note(isPaged && button("Back to the newest", restart), cursor && button(more, older));
      else if (cursor) list.empty(h("p", {}, "Nothing in these days."), button(more, older));
      else list.empty(isFiltered() ? h("p", {}, "Nothing is like this.") : empty());
    }
    footed = foot;
    onItems(items);
  }
  async function read(signal) {
    const body = await get(path, { ...fixed, ...query(), limit }, signal);
    const before = JSON.stringify(items);
    put(failed);
    isRead = true;
    items = body.items;
    cursor = body.next;
    draw();
    return before !== JSON.stringify(items);
  }
  async function older() {
    stop();
    isPaged = true;
    const mine = turn;
    await loading(list.foot, get(path, { ...fixed, ...query(), cursor, limit }), (body) => {
      if (mine !== turn) return [...list.foot.childNodes]; // the filter has changed meanwhile: this page belongs to another list
      const known = new Set(items.map(key));
      items = [...items, ...body.items.filter((each) => !known.has(key(each)))].slice(-MOST_ROWS);
      cursor = body.next;
      draw();
      return [...list.foot.childNodes];
    }, older);
  }
  function start() {
    list.waiting();
    stop = poll(read, (error, seconds) => {
      if (!items.length) put(list.foot);
      if (!isRead) list.show([]); // what is still shown belongs to the filter before
      put(failed, problem(error, h("div", { class: "soft" }, `${items.length ? "What is shown is older. " : ""}The page tries again in ${seconds} s.`)));
    }, { every });
  }
  /** Reads the newest page again, for example after a filter or the list itself has changed. */
  function restart() {
    stop();
    turn += 1;
    isPaged = isRead = false;
    items = [];
    cursor = null;
    start();
  }
  return { restart, start, draw, stop: () => stop(), find: (id) => items.find((each) => String(key(each)) === id), get items() { return items; } };
}
