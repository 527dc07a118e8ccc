// The messages of a journey: how many each step has in each status, and the list beside a message.
import { get, problem } from "./api.js";
import { button, day, h, link, number, put, renew, section, time, to } from "./dom.js";
import { dayBefore } from "./live.js";
import { detailOf } from "./messages.js";
import { paged } from "./paged.js";
import { loading, split, table } from "./table.js";
import { MESSAGE_STATUSES, TONES, status } from "./words.js";

const FILTERS = ["step", "status", "version", "days"];
const MOST_PARTS = 5; // of the counts, each of up to 2,000 messages
const AFTER_A_CHANGE = 10_000, WITHOUT_A_CHANGE = 60_000; // milliseconds from one count to the next

export function show(place, context) {
  const { id } = context;
  let route = context.route, parts = [], next = null, counted = { of: "", at: 0, isRunning: false };
  const failed = h("div", { class: "failed" }), counts = h("div", { class: "counts" });
  function hash(changes, message = null) {
    const query = new URLSearchParams();
    for (const name of FILTERS) { const value = name in changes ? changes[name] : route.query.get(name); if (value) query.set(name, value); }
    return `${to("journeys", id, "messages", ...(message ? [message] : []))}${query.size ? `?${query}` : ""}`;
  }
  const since = () => { const first = dayBefore(route.query.get("days")); return first && `${first}T00:00:00Z`; };
  const list = table({
    label: "Messages of the journey, newest first", key: (each) => each.id, open: (each) => hash({}, each.id),
    columns: [{ name: "Created", class: "w-time" }, { name: "Step", class: "w-name" }, { name: "To", class: "w-who" }, { name: "Status" }, { name: "Channel", class: "w-src" }],
    cells: (each) => [time(each.createdAt), h("b", {}, each.step), each.to ?? h("span", { class: "soft" }, "no address"), [status(each.status), each.reason && h("span", { class: "soft" }, ` ${each.reason}`)], each.channel],
  });
  const beside = split(list, "Message", () => { location.hash = hash({}); });
  const filter = h("select", { "aria-label": "Only messages with this status", onchange: () => { location.hash = hash({ status: filter.value }); } },
    h("option", { value: "" }, "All statuses"), Object.keys(MESSAGE_STATUSES).map((each) => h("option", { value: each }, each)));
  const only = h("span", { class: "hidden-names" });
  const messages = paged({
    list, failed, path: ["messages"], key: (each) => each.id, fixed: { journey: id, content: false }, query: () => ({ ...Object.fromEntries(["step", "status", "version"].map((name) => [name, route.query.get(name)])), since: since() }),
    empty: () => [h("h2", {}, "No messages yet"), h("p", {}, "A message appears here when a run reaches a message step.")], onItems: refresh,
  });

  /** Adds the parts that were counted: a part has at most 2,000 messages, and is exact. */
  function drawCounts() {
    const sums = new Map();
    for (const each of parts.flatMap((part) => part.steps)) {
      const row = sums.get(each.step) ?? {};
      for (const [word, n] of Object.entries(each.messages)) row[word] = (row[word] ?? 0) + n;
      sums.set(each.step, row);
    }
    const words = Object.keys(MESSAGE_STATUSES).filter((word) => [...sums.values()].some((row) => row[word]));
    const all = (row) => Object.values(row).reduce((sum, n) => sum + n, 0);
    const cell = (step, word, n) => h("td", {}, n ? link(hash({ step, status: word, version: null }), h("span", { class: TONES[word] ?? "" }, number(n, Boolean(next)))) : h("span", { class: "soft" }, "0"));
    renew(counts, sums.size > 0 && h("table", {}, h("caption", { class: "hidden" }, "Messages by step and status"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Step"), words.map((word) => h("th", { scope: "col" }, word)), h("th", { scope: "col" }, "all"))),
      h("tbody", {}, [...sums].map(([step, row]) => h("tr", {}, h("th", { scope: "row" }, step), words.map((word) => cell(step, word, row[word])), cell(step, null, all(row)))))),
    (route.query.get("version") || next) && h("div", { class: "note" }, route.query.get("version") && "These numbers are those of all versions. ", next && ["The newest messages are counted; there are more. ", parts.length < MOST_PARTS && button("Count on", () => count(parts.length + 1))]));
  }
  /** Counts the newest parts of the messages, one call each. Those that are shown stay until then. */
  async function countParts(most) {
    const found = [], asked = since();
    let cursor = null;
    do {
      const part = await get(["journeys", id, "counts"], { cursor, since: asked });
      found.push(part);
      cursor = part.next;
    } while (cursor && found.length < most);
    if (asked !== since()) return;
    const isNew = JSON.stringify([found, cursor]) !== JSON.stringify([parts, next]);
    [parts, next] = [found, cursor];
    if (isNew) drawCounts();
  }
  const count = (most) => loading(counts, countParts(most), () => [...counts.childNodes], () => count(most));
  const recount = () => { counted.at = performance.now(); parts = []; next = null; put(counts); count(1); };
  /** Counts again after a message of the list has changed, and each minute: an older one may have changed. */
  async function recountLater(items) {
    const of = JSON.stringify(items.map((each) => [each.id, each.status])), age = performance.now() - counted.at;
    counted.of ||= of;
    if (counted.isRunning || age < AFTER_A_CHANGE || (of === counted.of && age < WITHOUT_A_CHANGE)) return;
    counted = { of, at: performance.now(), isRunning: true };
    try { await countParts(Math.max(1, parts.length)); } catch { /* the counts stay; the list says what is wrong */ } finally { counted.isRunning = false; }
  }

  function refresh(items) {
    recountLater(items);
    const row = messages.find(route.parts[2] ?? "");
    if (row && beside.shown === row.id && beside.status && beside.status !== row.status) read(row.id);
  }
  async function read(message) {
    try {
      const each = await get(["messages", message]);
      if (route.parts[2] !== message) return;
      beside.status = each.status;
      beside.open(message, each.rendered.subject || `${each.channel} of ${each.step}`, detailOf(each));
    } catch (error) {
      if (route.parts[2] === message) beside.open(message, "Message", section(null, error.status === 404 ? h("p", {}, "There is no message with this id.") : problem(error, button("Try again", () => read(message)))));
    }
  }
  function openRoute() {
    filter.value = route.query.get("status") ?? "";
    const { step, version, days } = Object.fromEntries(route.query), chip = (name, text, label) => button(`${text} ✕`, () => { location.hash = hash({ [name]: null }); }, { class: "chip-button", "aria-label": label });
    put(only, step && chip("step", `only ${step}`, `Messages of all steps, not only of ${step}`), version && chip("version", `only version ${version}`, `Messages of all versions, not only of ${version}`),
      days && chip("days", `since ${day(dayBefore(days))}`, "Messages of all days"));
    if (route.parts[2]) read(route.parts[2]); else beside.close();
  }
  put(place, h("div", {}, counts, h("div", { class: "facts" }, filter, only), failed), beside.element);
  messages.start();
  recount();
  openRoute();
  const again = () => { messages.restart(); recount(); };
  window.addEventListener("clock", again);
  return {
    update(after) {
      const changed = FILTERS.filter((name) => after.query.get(name) !== route.query.get(name));
      route = after;
      if (changed.length) messages.restart();
      if (changed.includes("days")) recount(); else if (changed.includes("version")) drawCounts();
      openRoute();
      return true;
    },
    leave() { messages.stop(); window.removeEventListener("clock", again); },
  };
}
