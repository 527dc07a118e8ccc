// One journey: its head with what can be done to it, and the tabs. Each tab is a module with `show(place, context)`.
import { call, get, problem } from "./api.js";
import { dialog } from "./dialog.js";
import { button, h, link, number, plural, put, to } from "./dom.js";
import { poll } from "./live.js";
import { soon } from "./table.js";
import { pill } from "./words.js";

const EVERY = 10_000; // milliseconds
// A tab is loaded when it is first opened: the editor is a third of the console, and most visits do without it.
const TABS = [
  ["picture", "Picture", () => import("./picture.js")],
  ["here", "Who is here", () => import("./here.js")],
  ["messages", "Messages", () => import("./journey_messages.js")],
  ["definition", "Definition", () => styled(import("./definition.js"))],
  ["versions", "Versions", () => styled(import("./versions.js"))],
  ["dry-run", "Dry run", () => styled(import("./dry_run.js"))],
];
let styles = null;
/** A module that needs the style sheet of definitions, when both are loaded: a first visit does without either. */
async function styled(module) {
  styles ??= new Promise((resolve, reject) => {
    const sheet = h("link", { rel: "stylesheet", href: new URL("definition.css", import.meta.url), onload: resolve, onerror: () => { styles = null; sheet.remove(); reject(new Error("a style sheet cannot be loaded")); } });
    document.head.append(sheet);
  });
  return (await Promise.all([module, styles]))[0];
}

/** How many customers are in a journey: `{ count, isLowerBound }`. ApiError. */
export async function countHere(id, signal) {
  const picture = await get(["journeys", id, "picture"], { counts: true }, signal);
  const isLowerBound = picture.heldAtLeast || picture.steps.some((each) => each.hereAtLeast);
  return { count: picture.steps.reduce((sum, each) => sum + each.here, picture.held ?? 0), held: picture.held ?? 0, isLowerBound };
}

/** How many customers are in the journey and how many of its messages wait, in words, for a dialog. It is read while the dialog is open. */
function numbers(id, write) {
  const place = h("p", { role: "status" }, "Counting who is in it…");
  Promise.all([countHere(id), get(["journeys", id, "counts"])]).then(([inside, counted]) => {
    const waiting = counted.steps.reduce((sum, each) => sum + (each.messages.pending ?? 0), 0);
    put(place, write({
      inside: `${number(inside.count, inside.isLowerBound)} ${inside.count === 1 && !inside.isLowerBound ? "customer is" : "customers are"} in it now`,
      held: plural(inside.held, "held run"), waiting: `${number(waiting, !counted.complete)} ${waiting === 1 ? "message waits" : "messages wait"} to be sent`,
    }));
  }, () => put(place, "How many customers are in it could not be read."));
  return place;
}

export function show(place, first) {
  const [id] = first.parts;
  let route = first, journey = null, etag = null, shown = null, tab = null, tabName = null, isOver = false;
  const head = h("div", { class: "head" }, h("h1", {}, h("code", {}, id)));
  const tabs = h("nav", { class: "tabs", "aria-label": "Parts of the journey" }), failed = h("div", { class: "failed" }), body = h("div", { class: "page" });
  put(place, h("div", {}, head, tabs, failed), body);
  soon(body);

  const act = (action, conditional = true) => call("POST", ["journeys", id, action], { headers: conditional && etag ? { "If-Match": etag } : {} });
  async function change(options) {
    const done = await dialog(options);
    if (done?.body) adopt(done); // not after a deletion
  }
  function publish() {
    const { version, problems, publishedVersion } = journey, seen = etag;
    const faults = problems.length > 0 && h("div", { class: "problem" }, h("b", {}, `Draft ${version} has ${plural(problems.length, "fault")} and cannot be published.`),
      h("ul", {}, problems.slice(0, 10).map((each) => h("li", {}, each.detail, " ", h("code", { class: "soft" }, each.pointer)))));
    return change({
      title: `Publish version ${version}?`, label: faults ? null : `Publish ${version}`,
      content: faults || [h("p", {}, publishedVersion === null ? `Customers enter version ${version} from now on, and get its messages.` : `Customers who enter from now on follow version ${version}. Those who are in the journey go on with the version that they entered.`),
        publishedVersion !== null && numbers(id, ({ inside }) => `${inside}.`)],
      action: () => call("POST", ["journeys", id, "publish"], { headers: seen ? { "If-Match": seen } : {} }),
    });
  }
  const pause = () => change({ title: "Pause this journey?", label: "Pause", action: () => act("pause", false), content: [numbers(id, ({ inside, waiting }) => `${inside}, and ${waiting}. All of them are held until you resume.`),
    h("p", {}, "Nobody enters meanwhile, and these entries are lost. The pause takes effect within 10 seconds; exits still work.")] });
  const resume = () => change({ title: "Resume this journey?", label: "Resume", action: () => act("resume", false), content: [numbers(id, ({ inside, held, waiting }) => `${inside}. ${held} go on at once, and ${waiting}.`), h("p", {}, "Customers can enter again.")] });
  const stop = () => change({ title: "Stop this journey for good?", label: "Stop", danger: true, typed: id, action: () => act("stop", false), content: [
    numbers(id, ({ inside, waiting }) => `${inside}: their runs end at once. ${waiting}, and are never sent.`), h("p", {}, "A stopped journey cannot be started again. To run it again, save its definition under another id.")] });
  const remove = () => change({ title: "Delete this draft?", label: "Delete", danger: true, content: [h("p", {}, `${plural(journey.version, "version")} of it ${journey.version === 1 ? "is" : "are"} deleted. No customer has ever entered it.`)],
    action: async () => { await call("DELETE", ["journeys", id]); location.hash = "#/journeys"; return null; } });

  function drawHead() {
    const { status, version, publishedVersion } = journey, isNewer = version !== publishedVersion && status !== "stopped", before = document.activeElement?.dataset?.action;
    const action = (name, label, run, properties) => button(label, run, { "data-action": name, ...properties });
    document.title = `${journey.name || id} · Waypost`;
    put(head, h("h1", {}, journey.name || id), journey.name && h("code", { class: "soft" }, id), pill(status), publishedVersion !== null && h("span", { class: "soft" }, `version ${publishedVersion}`),
      isNewer && h("span", { class: "warn" }, publishedVersion === null ? `draft ${version}` : `draft ${version} is newer`), journey.problems.length > 0 && isNewer && link(to("journeys", id, "definition"), h("span", { class: "bad" }, plural(journey.problems.length, "fault"))),
      h("span", { class: "push" }), h("a", { class: "button", href: to("journeys", id, "dry-run"), "data-action": "dry-run" }, "Dry run"), isNewer && action("publish", `Publish ${version}…`, publish),
      status === "published" && action("pause", "Pause…", pause), status === "paused" && action("resume", "Resume…", resume), (status === "published" || status === "paused") && action("stop", "Stop…", stop, { class: "danger" }),
      status === "draft" && action("delete", "Delete…", remove, { class: "danger" }));
    if (before) head.querySelector(`[data-action="${before}"]`)?.focus();
  }
  function drawTabs() {
    const at = route.parts[1] ?? "picture";
    if (!tabs.firstChild) put(tabs, TABS.map(([name, title]) => h("a", { href: to("journeys", id, name), "data-tab": name }, title)), h("span", { class: "legend" }, "in a step: how many are here now, of all versions, and how many of this one came"));
    for (const each of tabs.querySelectorAll("a")) { if (each.dataset.tab === at) each.setAttribute("aria-current", "page"); else each.removeAttribute("aria-current"); }
    tabs.querySelector(".legend").hidden = at !== "picture";
  }
  /** Takes an answer about the journey, of a reading or of an action. The tab is told, and decides what it does about it. */
  function adopt({ body: answer, etag: tag }) {
    const content = JSON.stringify(answer);
    [journey, etag] = [answer, tag];
    if (shown === content) return false;
    shown = content;
    drawHead();
    if (tabName === null) openTab(); else tab?.changed?.(journey, etag);
    return true;
  }
  const context = () => ({ id, journey, etag, route, reload: async () => { adopt(await call("GET", ["journeys", id])); return { journey, etag }; } });
  async function openTab() {
    if (!journey) return;
    const name = route.parts[1] ?? "picture", [, , load] = TABS.find(([each]) => each === name) ?? TABS[0], asked = route;
    drawTabs();
    if (tab && tabName === name && tab.update(route) !== false) return;
    tab?.leave();
    tab = null;
    tabName = name;
    try {
      const module = await load();
      if (route !== asked || isOver) return; // the person has gone on while the tab was loaded
      put(body);
      tab = module.show(body, context());
    } catch (error) {
      if (route === asked) put(body, problem(error, button("Load the console again", () => location.reload())));
    }
  }
  let stopReading = () => {};
  function read() {
    stopReading();
    stopReading = poll(async (signal) => { const answer = await call("GET", ["journeys", id], { signal }); put(failed); return adopt(answer); }, (error, seconds) => {
      if (error.status !== 404) {
        if (!journey) put(body);
        return put(failed, problem(error, h("div", { class: "soft" }, `${journey ? "What is shown is older. " : ""}The page tries again in ${seconds} s.`)));
      }
      stopReading();
      isOver = true;
      tab?.leave();
      tab = null;
      put(place, h("div", { class: "head" }, h("h1", {}, "Journey")), h("div", { class: "scroll" }, h("div", { class: "empty" }, h("p", {}, "There is no journey with the id ", h("code", {}, id), "."), link("#/journeys", "All journeys"))));
      return undefined;
    }, { every: EVERY });
  }
  drawTabs();
  read();
  window.addEventListener("clock", read);
  return {
    update(next) {
      if (next.parts[0] !== id || !place.contains(body)) return false;
      route = next;
      if (journey) document.title = `${journey.name || id} · Waypost`;
      openTab();
      return true;
    },
    leave() { isOver = true; stopReading(); tab?.leave(); window.removeEventListener("clock", read); },
  };
}
