// Who is in a journey now: the active runs, with the step in which each stands and until when.
import { get } from "./api.js";
import { h, link, number, put, time, to } from "./dom.js";
import { poll } from "./live.js";
import { paged } from "./paged.js";
import { table } from "./table.js";

const EVERY = 10_000; // milliseconds; the API reads each customer of this list by itself
const LIMIT = 25;

export function show(place, context) {
  const { id } = context;
  let route = context.route, counts = null;
  const failed = h("div", { class: "failed" }), summary = h("span", { class: "numbers" });
  const hash = (step) => `${to("journeys", id, "here")}${step ? `?step=${encodeURIComponent(step)}` : ""}`;
  const way = (each) => `${to("journeys", id, "picture")}?customer=${encodeURIComponent(each.customer)}&run=${encodeURIComponent(each.run)}`;
  const list = table({
    label: "Who is in this journey", key: (each) => each.run, open: way,
    columns: [{ name: "Entered", class: "w-time" }, { name: "Customer", class: "w-name" }, { name: "Stands in", class: "w-who" }, { name: "Until" }, { name: "Version", class: "w-src" }],
    cells: (each) => [time(each.enteredAt), [h("b", {}, String(each.primaryKey ?? each.customer)), each.primaryKey === null && h("span", { class: "soft" }, " anonymous")],
      [link(hash(each.step), each.step), h("span", { class: "soft" }, " · "), link(to("customers", each.customer), "customer")],
      each.held ? h("span", { class: "warn" }, "held") : time(each.due, { always: true }) ?? h("span", { class: "soft" }, "an event comes"), each.version],
  });
  const defined = context.journey.definition?.steps; // a draft may hold anything there
  const steps = (Array.isArray(defined) ? defined : []).map((each) => each?.id).filter((each) => typeof each === "string");
  const filter = h("select", { "aria-label": "Only those who stand in this step", onchange: () => { location.hash = hash(filter.value); } });
  const runs = paged({
    list, failed, path: ["journeys", id, "runs"], key: (each) => each.run, query: () => ({ step: route.query.get("step") }), every: EVERY, limit: LIMIT, more: "More",
    empty: () => [h("h2", {}, "Nobody is in this journey now"), h("p", {}, context.journey.publishedVersion === null ? "It is a draft: customers enter it after it is published." : "A customer appears here with the event that starts the journey, and leaves when the run ends.")],
  });

  /** Writes the numbers into the options, in place, so that an open list of options stays open. */
  function drawFilter() {
    const chosen = route.query.get("step") ?? "", known = new Map(counts?.steps.map((each) => [each.id, each]));
    const names = [...new Set(["", ...(counts?.steps.map((each) => each.id) ?? steps), ...(chosen ? [chosen] : [])])];
    const text = (each) => { const found = known.get(each); return !each ? "All steps" : found ? `${each} (${number(found.here, found.hereAtLeast)})` : each; };
    if (names.join("\n") !== [...filter.options].map((each) => each.value).join("\n")) put(filter, names.map((each) => h("option", { value: each }, text(each))));
    for (const option of filter.options) { const now = text(option.value); if (option.textContent !== now) option.textContent = now; }
    filter.value = chosen;
    if (!counts) return;
    const isMore = counts.heldAtLeast || counts.steps.some((each) => each.hereAtLeast), inside = counts.steps.reduce((sum, each) => sum + each.here, counts.held);
    put(summary, h("span", {}, h("b", {}, number(inside, isMore)), " here now, of all versions"), counts.held > 0 && h("span", { class: "warn" }, `${number(counts.held, counts.heldAtLeast)} held by the pause`));
  }
  put(place, h("div", {}, h("div", { class: "facts" }, filter, summary), failed), h("div", { class: "split closed" }, list.element));
  drawFilter();
  runs.start();
  // The numbers are a help of this list: it is shown without them if they cannot be read, as for a draft that cannot be drawn.
  let stopCounting = () => {};
  const count = () => { stopCounting(); stopCounting = poll(async (signal) => { counts = await get(["journeys", id, "picture"], { counts: true, version: context.journey.publishedVersion }, signal); drawFilter(); return false; }, () => {}, { every: EVERY }); };
  const again = () => { runs.restart(); count(); };
  count();
  window.addEventListener("clock", again);
  return {
    update(next) {
      const isSame = next.query.get("step") === route.query.get("step");
      route = next;
      drawFilter();
      if (!isSame) runs.restart();
      return true;
    },
    leave() { runs.stop(); stopCounting(); window.removeEventListener("clock", again); },
  };
}
