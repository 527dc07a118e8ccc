// Dead letters: what was given up on, why, and what to do about it.
import { call, get, problem } from "./api.js";
import { dialog } from "./dialog.js";
import { button, copyButton, facts, h, json, link, number, plural, put, section, time, to } from "./dom.js";
import { paged } from "./paged.js";
import { split, table } from "./table.js";
import { PARKED_KINDS } from "./words.js";

const MOST_REDRIVES = 100; // requests of "redrive all", each of up to 1,000 dead letters: an end also where they come back at once

export function show(place, first) {
  let route = first;
  const filters = (kind, reason) => { const query = new URLSearchParams(); if (kind) query.set("kind", kind); if (reason) query.set("reason", reason); return query.size ? `?${query}` : ""; };
  const hashOf = (id) => `${id ? to("dead-letters", id) : "#/dead-letters"}${filters(route.query.get("kind"), route.query.get("reason"))}`;
  const failed = h("div", { class: "failed" }), done = h("div", { class: "note", role: "status" });
  const list = table({
    label: "Dead letters, newest first", key: (each) => each.id, open: (each) => hashOf(each.id),
    columns: [{ name: "Given up", class: "w-time" }, { name: "Reason", class: "w-name" }, { name: "About", class: "w-who" }, { name: "Kind" }],
    cells: (each) => [time(each.parkedAt, { always: true }), h("b", {}, each.reason), h("code", {}, each.subject), PARKED_KINDS[each.kind] ?? each.kind],
  });
  const beside = split(list, "Dead letter", () => { location.hash = hashOf(null); });
  const kind = h("select", { "aria-label": "Only this kind", onchange: filter }, h("option", { value: "" }, "All kinds"), Object.entries(PARKED_KINDS).map(([value, text]) => h("option", { value }, text)));
  const reason = h("input", { type: "search", placeholder: "Reason", "aria-label": "Only this reason", list: "reasons", onchange: filter }), reasons = h("datalist", { id: "reasons" });
  const all = button("Redrive all…", redriveAll, { disabled: true });
  const letters = paged({
    list, failed, path: ["dead-letters"], key: (each) => each.id, query: () => ({ kind: route.query.get("kind"), reason: route.query.get("reason") }),
    empty: () => [h("h2", {}, "Nothing was given up on."), h("p", {}, "What cannot be processed or sent, in spite of all attempts, waits here for a decision.")],
    onItems: (items) => { all.disabled = !items.length && !route.query.size; put(reasons, [...new Set(items.map((each) => each.reason))].map((value) => h("option", { value }))); openRoute(); },
  });
  function filter() { location.hash = `#/dead-letters${filters(kind.value, reason.value.trim())}`; }

  function finished(text) {
    put(done, text);
    location.hash = hashOf(null);
    letters.restart();
  }
  const redrive = async (each) => { if (await dialog({ title: "Redrive this dead letter?", label: "Redrive it", content: h("p", {}, "It goes back on its queue and is processed once more. If its cause is still there, it comes back here."), action: () => call("POST", ["dead-letters", "redrive"], { body: { id: each.id } }) })) finished("It is back on its queue."); };
  const discard = async (each) => { if (await dialog({ title: "Discard this dead letter?", label: "Discard it", danger: true, content: h("p", {}, "Its content is deleted for good. Nothing is processed or sent."), action: () => call("DELETE", ["dead-letters", each.id]) })) finished("It is discarded."); };

  /** Puts all dead letters back. One request takes a bounded number, so that the page goes on until none is left. */
  async function redriveAll() {
    let counted;
    try { counted = await get(["dead-letters", "count"]); } catch (error) { put(done, problem(error)); return; }
    const { count, isLowerBound } = counted;
    const result = await dialog({
      title: `Redrive ${isLowerBound ? `at least ${number(count)} dead letters` : plural(count, "dead letter")}?`, label: "Redrive all",
      content: h("p", {}, "All of the workspace's, also those that a filter hides, go back on their queues. Messages among them are sent."),
      action: async () => {
        let total = 0, cursor = null;
        for (let n = 0; n < MOST_REDRIVES; n += 1) {
          const { body } = await call("POST", ["dead-letters", "redrive"], { body: cursor ? { cursor } : {} });
          total += body.redriven;
          cursor = body.next;
          if (!cursor) break;
        }
        return { total, isPart: Boolean(cursor) };
      },
    });
    if (result) finished(`${plural(result.total, "dead letter is", "dead letters are")} back on ${result.total === 1 ? "its queue" : "their queues"}${result.isPart ? "; there are more, press “Redrive all” again" : ""}.`);
  }

  function openRoute() {
    const id = route.parts[0], each = letters.find(id ?? "");
    if (!id) beside.close();
    else if (each && beside.shown !== id) beside.open(id, each.reason, detailOf(each));
    else if (!each && beside.shown !== id && letters.items.length) beside.open(id, "Dead letter", section(null, h("p", {}, "It is not among the newest ones: it was redriven or discarded, or it is further back.")));
  }
  const detailOf = (each) => [
    section(null, facts(["Given up", time(each.parkedAt, { always: true })], ["Kind", PARKED_KINDS[each.kind] ?? each.kind], ["About", each.kind === "message" ? link(to("messages", each.subject), h("code", {}, each.subject)) : h("code", {}, each.subject)], ["Reason", h("b", {}, each.reason)])),
    section("The queue record", json(each.content, "The queue record")),
    h("section", { class: "actions" }, button("Redrive…", () => redrive(each)), copyButton("Copy JSON", () => JSON.stringify(each, null, 2)), button("Discard…", () => discard(each), { class: "danger" })),
  ];
  function fill() { kind.value = route.query.get("kind") ?? ""; reason.value = route.query.get("reason") ?? ""; }
  put(place, h("div", {}, h("div", { class: "head" }, h("h1", {}, "Dead letters"), kind, reason, reasons, h("span", { class: "push" }), all), failed, done), beside.element);
  fill();
  letters.start();
  return {
    update(next) {
      const isSame = ["kind", "reason"].every((name) => next.query.get(name) === route.query.get(name));
      route = next;
      fill();
      if (!isSame) letters.restart();
      openRoute();
      return true;
    },
    leave() { letters.stop(); },
  };
}
