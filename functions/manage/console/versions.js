// The versions of a journey, and the difference of two.
import { call, get } from "./api.js";
import { draftOf } from "./definition.js";
import { dialog } from "./dialog.js";
import { differenceList, pretty } from "./diff.js";
import { button, facts, h, json, put, section, time, to } from "./dom.js";
import { MOST_ROWS, loading, split, table } from "./table.js";
import { pill } from "./words.js";

const NONE = "0"; // compared with no other version: the whole definition is shown

export function show(place, context) {
  const { id } = context, definitions = new Map();
  let { route, journey, etag } = context, items = [], cursor = null, isGone = false;
  const home = to("journeys", id, "versions");
  const list = table({
    label: "Versions, newest first", key: (each) => each.version, open: (each) => `${home}?version=${each.version}`,
    columns: [{ name: "Saved" }, { name: "Version" }, { name: "Published" }],
    cells: (each) => [time(each.savedAt, { always: true }) ?? "not known", [h("b", {}, `Version ${each.version}`), each.isPublished && [" ", pill("published")]], time(each.publishedAt, { always: true }) ?? ""],
  });
  const beside = split(list, "Version", () => { location.hash = home; });
  beside.element.classList.add("versions");
  put(place, beside.element);

  /** A saved version never changes, so it is read once. */
  async function definitionOf(version) {
    if (!definitions.has(version)) definitions.set(version, (await get(["journeys", id], { version })).definition);
    return definitions.get(version);
  }

  async function read() {
    await loading(list.foot, get(["journeys", id, "versions"], { cursor }), (body) => {
      items = [...items, ...body.items].slice(-MOST_ROWS);
      cursor = body.next;
      list.show(items);
      open();
      return cursor && h("div", { class: "note" }, button("Show older versions", read));
    }, read);
  }

  function open() {
    const version = Number(route.query.get("version"));
    if (!version) return beside.close();
    const item = items.find((each) => each.version === version);
    const before = route.query.get("with") ?? String(version - 1);
    const choice = h("select", { id: "with", onchange: () => { location.replace(`${home}?version=${version}&with=${choice.value}`); } },
      h("option", { value: NONE }, "no other version"), items.filter((each) => each.version !== version).map((each) => h("option", { value: each.version, selected: String(each.version) === before }, `version ${each.version}`)));
    if (before !== NONE && choice.value !== before) choice.append(h("option", { value: before, selected: true }, `version ${before}`));
    const result = h("div");
    beside.open(`${version}`, `Version ${version}`,
      section(null, item && facts(["Saved", time(item.savedAt, { always: true })], ["Published", time(item.publishedAt, { always: true })]),
        h("div", { class: "actions compared" }, h("label", { for: "with" }, "Compared with"), choice,
          journey.status !== "stopped" && version !== journey.version && button("Make it the draft…", () => makeDraft(version)))),
      h("section", {}, result));
    return compare(result, version, Number(before));
  }
  const compare = (result, version, before) => loading(result, Promise.all([definitionOf(version), before ? definitionOf(before) : null]), ([mine, other]) => (other
    ? differenceList(pretty(other), pretty(mine)) : json(mine, "Definition")), () => compare(result, version, before));

  async function makeDraft(version) {
    const next = journey.version + 1, unsaved = draftOf(journey);
    const done = await dialog({
      title: `Make version ${version} the draft`, label: `Save it as version ${next}`,
      content: [h("p", {}, `Version ${version} is saved once more, as version ${next}. Nothing is published, and no version is lost.`),
        unsaved && h("p", { class: "warn" }, "What you have changed and not saved stays in this tab. The definition shows both, and asks.")],
      action: async () => call("PUT", ["journeys", id], { body: await definitionOf(version), headers: etag ? { "If-Match": etag } : {} }),
    });
    if (!done || isGone) return;
    await context.reload();
    location.hash = to("journeys", id, "definition");
  }

  read();
  return {
    update(next) { route = next; open(); return true; },
    changed(next, tag) {
      const isNew = next.version !== journey.version || next.publishedVersion !== journey.publishedVersion;
      [journey, etag] = [next, tag];
      if (isNew) { items = []; cursor = null; read(); }
    },
    leave() { isGone = true; },
  };
}
