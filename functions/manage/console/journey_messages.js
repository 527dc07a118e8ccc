// The messages of a journey: how many each step has in each status, and the list beside a message.
import { get, problem } from "./api.js";
import { button, h, link, number, put, section, time, to } from "./dom.js";
import { detailOf } from "./messages.js";
import { paged } from "./paged.js";
import { loading, split, table } from "./table.js";
import { MESSAGE_STATUSES, TONES, status } from "./words.js";

export function show(place, context) {
  const { id } = context;
  let route = context.route, parts = [], next = null;
  const failed = h("div", { class: "failed" }), counts = h("div", { class: "counts" });
  function hash(changes, message = null) {
    const query = new URLSearchParams();
    for (const name of ["step", "status"]) { const value = name in changes ? changes[name] : route.query.get(name); if (value) query.set(name, value); }
    return `${to("journeys", id, "messages", ...(message ? [message] : []))}${query.size ? `?${query}` : ""}`;
  }
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
    list, failed, path: ["messages"], key: (each) => each.id, fixed: { journey: id, content: false }, query: () => ({ status: route.query.get("status") }), keep: (each) => !route.query.get("step") || each.step === route.query.get("step"),
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
    const cell = (step, word, n) => h("td", {}, n ? link(hash({ step, status: word }), h("span", { class: TONES[word] ?? "" }, number(n, Boolean(next)))) : h("span", { class: "soft" }, "0"));
    put(counts, sums.size > 0 && h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Step"), words.map((word) => h("th", { scope: "col" }, word)), h("th", { scope: "col" }, "all"))),
      h("tbody", {}, [...sums].map(([step, row]) => h("tr", {}, h("th", { scope: "row" }, step), words.map((word) => cell(step, word, row[word])), cell(step, null, all(row)))))),
    next && h("div", { class: "note" }, "The newest messages are counted; there are more. ", button("Count on", count)));
  }
  const count = () => loading(counts, get(["journeys", id, "counts"], { cursor: next }), (part) => { parts.push(part); next = part.next; drawCounts(); return [...counts.childNodes]; }, count);
  const recount = () => { parts = []; next = null; count(); };

  function refresh() {
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
    const step = route.query.get("step");
    put(only, step && button(`only ${step} ✕`, () => { location.hash = hash({ step: null }); }, { class: "chip-button", "aria-label": `Messages of all steps, not only of ${step}` }));
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
      const isSame = after.query.get("status") === route.query.get("status"), isSameStep = after.query.get("step") === route.query.get("step");
      route = after;
      if (!isSame) messages.restart(); else if (!isSameStep) messages.draw();
      openRoute();
      return true;
    },
    leave() { messages.stop(); window.removeEventListener("clock", again); },
  };
}
