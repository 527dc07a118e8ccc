// Journeys: the list, and a new one from an example. One journey is shown by journey.js.
import { call } from "./api.js";
import { dialog, field } from "./dialog.js";
import { button, h, number, put, time, to } from "./dom.js";
import { EXAMPLES } from "./examples.js";
import * as one from "./journey.js";
import { paged } from "./paged.js";
import { table } from "./table.js";
import { pill } from "./words.js";

const COUNT_EVERY = 60_000; // milliseconds; the number of customers in one journey costs as many queries as it has steps
const MOST_COUNTED = 50;

/** A dialog that saves one of the examples as a draft, and opens its definition. */
async function newJourney(chosen = EXAMPLES[0].id) {
  const id = h("input", { type: "text", autocomplete: "off", spellcheck: "false", maxlength: 64, value: chosen });
  let isTyped = false;
  id.addEventListener("input", () => { isTyped = true; });
  const choices = EXAMPLES.map((each) => h("label", { class: "choice" },
    h("input", { type: "radio", name: "example", value: each.id, checked: each.id === chosen, onchange: () => { chosen = each.id; if (!isTyped) id.value = each.id; } }),
    h("span", {}, h("b", {}, each.title), h("small", { class: "soft" }, each.about))));
  const saved = await dialog({
    title: "New journey", isWide: true, label: "Save as a draft",
    content: [h("fieldset", {}, h("legend", {}, "Begin with"), choices), field("Id", id, "It stands in addresses and receipts, and cannot be changed later."), h("p", { class: "soft" }, "A draft sends nothing. Customers enter it after you publish it.")],
    // The condition keeps an existing journey with this id from getting a new draft.
    action: () => call("PUT", ["journeys", id.value.trim()], { body: EXAMPLES.find((each) => each.id === chosen).definition, headers: { "If-None-Match": "*" } }),
  });
  if (saved) location.hash = to("journeys", saved.body.id, "definition");
}

const noJourneys = () => [h("h2", {}, "No journeys yet"), h("p", {}, "A journey says which event starts it, and what follows: messages, waits, branches. Begin with an example and change it:"),
  h("ul", { class: "plain examples" }, EXAMPLES.map((each) => h("li", {}, h("div", {}, h("b", {}, each.title), h("div", { class: "soft" }, each.about)), button("Save it as a draft…", () => newJourney(each.id)))))];

const versionText = (each) => {
  if (each.publishedVersion === null) return h("span", { class: "soft" }, `draft ${each.version}`);
  return [`version ${each.publishedVersion}`, each.draft && [" ", h("span", { class: "warn" }, `draft ${each.version} is newer`)]];
};

function showList(place) {
  const counts = new Map(); // by id: { count, isLowerBound }, or null where they cannot be read
  const failed = h("div", { class: "failed" });
  const hereText = (id) => {
    const found = counts.get(id);
    return !found ? "" : found.count ? number(found.count, found.isLowerBound) : h("span", { class: "soft" }, "0");
  };
  const list = table({
    label: "Journeys, newest first", key: (each) => each.id, open: (each) => to("journeys", each.id, "picture"),
    columns: [{ name: "Changed", class: "w-when" }, { name: "Journey" }, { name: "Status", class: "w-word" }, { name: "Version", class: "w-name" }, { name: "Here now", class: "w-here" }],
    cells: (each) => [time(each.updatedAt, { always: true }), [h("b", {}, each.name || each.id), each.name && [" ", h("code", { class: "soft" }, each.id)]], pill(each.status), versionText(each), h("span", { "data-here": each.id }, hereText(each.id))],
  });
  const journeys = paged({ list, failed, path: ["journeys"], key: (each) => each.id, query: () => ({}), empty: noJourneys, onItems: () => count() });

  let counting = null, timer = null;
  /** Counts the customers of journeys that can have any, one after the other, so that a long list is no burst of queries. */
  async function count() {
    if (counting) return;
    counting = new AbortController();
    const { signal } = counting;
    try {
      for (const each of journeys.items.filter(({ status }) => status === "published" || status === "paused").slice(0, MOST_COUNTED)) {
        if (counts.has(each.id) || signal.aborted || document.hidden) continue;
        try { counts.set(each.id, await one.countHere(each.id, signal)); } catch { counts.set(each.id, null); }
        const cell = list.body.querySelector(`[data-here="${CSS.escape(each.id)}"]`);
        if (cell) put(cell, hereText(each.id));
      }
    } finally {
      counting = null;
    }
  }
  const recount = () => { counts.clear(); count(); };
  const onClock = () => { journeys.restart(); recount(); };
  put(place, h("div", {}, h("div", { class: "head" }, h("h1", {}, "Journeys"), h("span", { class: "push" }), button("New journey…", () => newJourney())), failed), h("div", { class: "split closed journeys" }, list.element));
  journeys.start();
  timer = setInterval(recount, COUNT_EVERY);
  window.addEventListener("clock", onClock);
  return { update: (next) => !next.parts.length, leave() { journeys.stop(); counting?.abort(); clearInterval(timer); window.removeEventListener("clock", onClock); } };
}

export const show = (place, route) => (route.parts.length ? one : { show: showList }).show(place, route);
