// Dead letters: what was given up on, why, and what to do about it.
import { call, get, problem } from "./api.js";
import { dialog } from "./dialog.js";
import { button, copyButton, facts, h, json, link, number, plural, put, renew, section, time, to } from "./dom.js";
import { poll } from "./live.js";
import { paged } from "./paged.js";
import { split, table } from "./table.js";
import { PARKED_KINDS } from "./words.js";

const MOST_REDRIVES = 100; // requests of "redrive all", each of up to 1,000 dead letters: an end also where they come back at once
const MOST_DISCARDS = 1000; // one request each
const EVERY = 60_000; // milliseconds; the groups are made of up to 500 records

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
  const all = button("Redrive all…", redriveAll, { disabled: true }), heads = h("ul", { class: "groups", "aria-label": "Dead letters by kind and reason" });
  let groups = { items: [], isLowerBound: false }, stopGrouping = () => {};
  const letters = paged({
    list, failed, path: ["dead-letters"], key: (each) => each.id, query: () => ({ kind: route.query.get("kind"), reason: route.query.get("reason") }),
    empty: () => [h("h2", {}, "Nothing was given up on."), h("p", {}, "What cannot be processed or sent, in spite of all attempts, waits here for a decision.")],
    onItems: (items) => { all.disabled = !items.length && !route.query.size; openRoute(); },
  });
  function filter() { location.hash = `#/dead-letters${filters(kind.value, reason.value.trim())}`; }

  function finished(text) {
    put(done, text);
    location.hash = hashOf(null);
    letters.restart();
    readGroups();
  }

  /** The groups: each with its number. The list shows the rows of the group that is open, and of all while none is. */
  function readGroups() {
    stopGrouping();
    stopGrouping = poll(async (signal) => { groups = await get(["dead-letters", "groups"], {}, signal); drawGroups(); return false; }, () => {}, { every: EVERY });
  }
  const isOpen = (group) => group.kind === route.query.get("kind") && group.reason === route.query.get("reason");
  const sum = (group) => (groups.isLowerBound ? `at least ${plural(group.count, "dead letter")}` : plural(group.count, "dead letter"));
  function drawGroups() {
    put(reasons, [...new Set(groups.items.map((each) => each.reason))].map((value) => h("option", { value })));
    renew(heads, groups.items.map((each) => h("li", {},
      h("a", { href: `#/dead-letters${isOpen(each) ? "" : filters(each.kind, each.reason)}`, "aria-current": isOpen(each) && "true", title: isOpen(each) ? "Show all" : "Show these only" }, h("b", {}, each.reason), ` ${PARKED_KINDS[each.kind] ?? each.kind} `, h("span", { class: "count" }, number(each.count) + (groups.isLowerBound ? "+" : ""))),
      isOpen(each) && [button("Redrive these…", () => redriveGroup(each), { class: "small" }), button("Discard these…", () => discardGroup(each), { class: "small danger" })])));
  }
  async function redriveGroup(group) {
    const result = await dialog({
      title: `Redrive ${sum(group)}?`, label: "Redrive them",
      content: h("p", {}, `Those of the kind ${group.kind} with the reason ${group.reason} go back on their queues. Messages among them are sent.`), action: () => redriveMany({ kind: group.kind, reason: group.reason }),
    });
    if (result) redriven(result);
  }
  async function discardGroup(group) {
    const result = await dialog({
      title: `Discard ${sum(group)}?`, label: "Discard them", danger: true, typed: group.reason,
      content: h("p", {}, `The contents of all of the kind ${group.kind} with the reason ${group.reason} are deleted for good. Nothing of them is processed or sent.`),
      action: async () => {
        let total = 0;
        for (let cursor = null, isFirst = true; (cursor || isFirst) && total < MOST_DISCARDS; isFirst = false) {
          const page = await get(["dead-letters"], { kind: group.kind, reason: group.reason, cursor });
          for (const each of page.items) {
            try { await call("DELETE", ["dead-letters", each.id]); total += 1; } catch (error) { if (error.status !== 404) throw error; }
          }
          cursor = page.next;
        }
        return { total };
      },
    });
    if (result) finished(`${plural(result.total, "dead letter is", "dead letters are")} discarded${result.total >= MOST_DISCARDS ? "; there may be more, discard the group again" : ""}.`);
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
      action: () => redriveMany({}),
    });
    if (result) redriven(result);
  }
  async function redriveMany(selected) {
    let total = 0, cursor = null;
    for (let n = 0; n < MOST_REDRIVES; n += 1) {
      const { body } = await call("POST", ["dead-letters", "redrive"], { body: cursor ? { ...selected, cursor } : selected });
      total += body.redriven;
      cursor = body.next;
      if (!cursor) break;
    }
    return { total, isPart: Boolean(cursor) };
  }
  const redriven = ({ total, isPart }) => finished(`${plural(total, "dead letter is", "dead letters are")} back on ${total === 1 ? "its queue" : "their queues"}${isPart ? "; there are more, redrive them again" : ""}.`);

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
  put(place, h("div", {}, h("div", { class: "head" }, h("h1", {}, "Dead letters"), kind, reason, reasons, h("span", { class: "push" }), all), heads, failed, done), beside.element);
  fill();
  letters.start();
  readGroups();
  return {
    update(next) {
      const isSame = ["kind", "reason"].every((name) => next.query.get(name) === route.query.get(name));
      route = next;
      fill();
      if (!isSame) { letters.restart(); drawGroups(); }
      openRoute();
      return true;
    },
    leave() { letters.stop(); stopGrouping(); },
  };
}
