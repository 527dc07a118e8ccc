// The start of the page: key, header, hash routes and keys of the keyboard. Each page is a module with `show(place, route)`.
import { call, get, local, onRefusedKey, problem } from "./api.js";
import { dialog } from "./dialog.js";
import { button, h, number, put, to } from "./dom.js";
import { now, poll, setNow } from "./live.js";
import { forget, isLocal, keep, key, shortKey, takeKeyFromAddress } from "./session.js";

// A page is loaded when it is first opened: each file is one call of a Lambda function, and a first visit needs a third of them.
const PAGES = [
  ["events", "Events", () => import("./events.js")],
  ["journeys", "Journeys", () => import("./journeys.js")],
  ["customers", "Customers", () => import("./customers.js")],
  ["messages", "Messages", () => import("./messages.js")],
  ["dead-letters", "Dead letters", () => import("./dead_letters.js")],
  ["settings", "Settings", () => import("./settings.js")],
];

/** The route of the address: `#/journeys/welcome/picture?step=a` -> `{ page, parts, query }`. */
function routeOf(hash) {
  const [path, query] = hash.replace(/^#\/?/, "").split("?");
  const [page, ...parts] = path.split("/").filter(Boolean).map((each) => { try { return decodeURIComponent(each); } catch { return each; } });
  return { page: page ?? "", parts, query: new URLSearchParams(query) };
}

const main = h("main", { id: "main", tabindex: -1 });
const bar = h("header", { class: "bar" });
const clockBar = h("section", { class: "clock", "aria-label": "Clock of the local run" });
let current = null; // the page that is shown: { name, update(route), leave() }
let stopCounting = () => {}, shows = 0;

async function show() {
  if (!key()) { showKeyPage(); return; }
  const route = routeOf(location.hash);
  const found = PAGES.find(([name]) => name === route.page);
  if (!found) { location.replace("#/events"); return; }
  const [name, title, load] = found;
  if (!bar.firstChild) start();
  for (const each of bar.querySelectorAll("nav a")) each.toggleAttribute("aria-current", false);
  bar.querySelector(`nav a[data-page="${name}"]`).setAttribute("aria-current", "page");
  document.title = `${title} · Waypost`;
  if (current?.name === name && current.update(route)) return;
  current?.leave();
  current = null;
  const mine = shows += 1;
  try {
    const page = await load();
    if (mine !== shows || !key()) return; // the person has gone on while the page was loaded, and perhaps come back
    put(main);
    current = { name, ...page.show(main, route) };
  } catch (error) {
    // After a deployment the files of the old version are gone.
    if (mine === shows) put(main, problem(error, h("p", {}, "If Waypost was updated just now, this page is an old one."), button("Load the console again", () => location.reload())));
  }
}

/** Draws the header once for a key, and starts the count of dead letters. */
function start() {
  const count = h("span");
  put(bar,
    h("a", { class: "skip", href: "#main", onclick: (event) => { event.preventDefault(); main.focus(); } }, "To the content"),
    h("strong", {}, "Waypost"),
    h("nav", { "aria-label": "Pages" }, PAGES.map(([name, title]) => h("a", { href: to(name), "data-page": name }, title, name === "dead-letters" && count))),
    h("span", { class: "push" }),
    h("input", { type: "search", placeholder: "Go to an id   /", "aria-label": "Go to a customer, message, event or journey by its id", oninput: (event) => event.currentTarget.setCustomValidity(""), onkeydown: (event) => { if (event.key === "Enter") goTo(event.currentTarget); } }),
    button("Keys", showKeys, { class: "help" }), h("code", { class: "key", title: "The beginning of the key that this tab uses" }, shortKey()),
    button("Leave", leave));
  put(document.body, bar, clockBar, main, h("div", { id: "announcements", class: "hidden", "aria-live": "polite" }));
  stopCounting = poll(async (signal) => {
    const { count: parked, isLowerBound } = await get(["dead-letters", "count"], {}, signal);
    const text = parked ? number(parked) + (isLowerBound ? "+" : "") : "";
    if (count.textContent !== text) put(count, parked > 0 && [text, h("span", { class: "hidden" }, " given up on")]);
    count.className = parked ? "count" : "";
    return false;
  }, () => {}, { every: 15_000 });
  if (isLocal) showClock();
}

/** The clock of the local run, which can be advanced. A stack on AWS has no such route, and the bar stays away. */
async function showClock() {
  const shown = h("time");
  const draw = () => { shown.textContent = new Date(now()).toLocaleString(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }); };
  try { setNow((await local("clock")).now); } catch { return; }
  const jump = (label, advance) => button(label, async (event) => {
    const pressed = event.currentTarget;
    pressed.disabled = true;
    put(failed);
    try { setNow((await local("clock", { advance })).now); draw(); } catch (error) { put(failed, error.detail ?? String(error)); } finally { pressed.disabled = false; }
    window.dispatchEvent(new Event("clock"));
  });
  const failed = h("span", { class: "bad", role: "status" });
  if (!bar.firstChild) return;
  const stopTicking = poll(async () => { draw(); return false; }, () => {}, { every: 10_000 }), stopRest = stopCounting;
  stopCounting = () => { stopRest(); stopTicking(); };
  put(clockBar, h("span", {}, "Local run · its clock says ", shown), h("span", { class: "soft" }, "advance it by"),
    jump("1 hour", "PT1H"), jump("1 day", "P1D"), jump("3 days", "P3D"), failed);
}

/** Finds what an id names: a customer by any of its ids, a message, an event or a journey. The searches run side by side. */
async function goTo(input) {
  const id = input.value.trim();
  if (!id) return;
  const found = async (parts, query, hash) => { const body = await get(parts, query); return hash(body); };
  const tries = [
    found(["customers"], { primaryKey: id }, (body) => to("customers", body.id)), found(["customers"], { correlationId: id }, (body) => to("customers", body.id)),
    found(["customers", id], {}, (body) => to("customers", body.id)), found(["messages", id], {}, () => to("messages", id)),
    found(["events", id], {}, () => to("events", id)), found(["journeys", id], {}, () => to("journeys", id, "picture")),
  ];
  try {
    location.hash = await Promise.any(tries);
    input.value = "";
  } catch (all) {
    // "Nothing" is true only if each of the searches was answered.
    const other = all.errors.find((each) => each.isPassing);
    input.setCustomValidity(other ? other.detail : "Nothing has this id.");
    input.reportValidity();
  }
}

function leave() {
  shows += 1;
  current?.leave();
  stopCounting();
  current = null;
  forget();
  put(bar);
  showKeyPage();
}

/** The page that asks for a key. `message` says why. The address stays, so that the key leads to where the person wanted to go. */
function showKeyPage(message) {
  const failed = h("div", { class: "bad", role: "alert" }, message);
  const input = h("input", { type: "password", autocomplete: "off", spellcheck: "false", id: "key", onkeydown: (event) => { if (event.key === "Enter") open(); } });
  async function open() {
    const typed = input.value.trim();
    if (!typed) return input.focus();
    // A header cannot hold every character; the browser would say that the API cannot be reached.
    if (/[^\x21-\x7e]/.test(typed)) { put(failed, "This key is not valid."); return input.select(); }
    keep(typed);
    try {
      await call("GET", ["schema"]);
      show();
    } catch (error) {
      forget();
      if (!failed.isConnected) return undefined;
      put(failed, error.status === 401 ? "This key is not valid." : error.status === 403 ? "This key may send events only. The console needs a key with the scope admin." : error.detail);
      input.select();
    }
    return undefined;
  }
  document.title = "Waypost";
  put(document.body, h("main", { class: "gate" }, h("h1", {}, "Waypost"), h("label", { for: "key" }, "Admin key of the workspace"), input, failed, button("Open", open, { class: "primary" }),
    h("p", { class: "soft" }, isLocal ? "The local run prints a link that contains the key." : "The key stays in this tab, and ends with it.")));
  input.focus();
}

onRefusedKey(() => {
  if (!key() || document.querySelector(".gate")) return;
  leave();
  showKeyPage("The key of this tab is no longer valid.");
});

// Keys of the keyboard. Arrow keys stay what they are: they scroll.
const GO = { e: "events", j: "journeys", c: "customers", m: "messages", d: "dead-letters", s: "settings" };
let isAfterG = false;
function moveFocus(step) {
  const rows = [...main.querySelectorAll("a.open")];
  const at = rows.indexOf(document.activeElement), chosen = rows.findIndex((each) => each.closest("tr[aria-current]"));
  rows[Math.max(0, Math.min(rows.length - 1, (at < 0 ? chosen : at) + step))]?.focus();
}
const KEYS = {
  "/": () => bar.querySelector("input")?.focus(),
  j: () => moveFocus(1),
  k: () => moveFocus(-1),
  p: () => main.querySelector("button.live")?.click(),
  Escape: () => main.querySelector("aside header button[aria-label=Close]")?.click(),
  "?": showKeys,
};
const SHORTCUTS = "waypost-shortcuts";
const areOff = () => localStorage.getItem(SHORTCUTS) === "off";
/** What each key does. They can be switched off: a person who speaks to the computer may press them without wanting to. */
function showKeys() {
  const choice = h("input", { type: "checkbox", checked: !areOff(), onchange: () => localStorage.setItem(SHORTCUTS, choice.checked ? "on" : "off") });
  return dialog({ title: "Keys", content: [h("dl", {}, [["/", "go to an id"], ["j, k", "next row, row before"], ["Enter", "open the row"], ["Esc", "close the detail"], ["p", "pause, go on"],
    ["g e", "events"], ["g j", "journeys"], ["g c", "customers"], ["g m", "messages"], ["g d", "dead letters"], ["g s", "settings"]].map(([name, what]) => [h("dt", {}, h("kbd", {}, name)), h("dd", {}, what)])), h("label", { class: "check" }, choice, " The page listens to these keys")] });
}
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, textarea, select, dialog");
  if (isTyping) { if (event.key === "Escape" && event.target.closest(".bar")) event.target.blur(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || !bar.firstChild || (areOff() && event.key !== "Escape")) return;
  if (isAfterG && GO[event.key]) { location.hash = to(GO[event.key]); event.preventDefault(); }
  else if (KEYS[event.key]) { KEYS[event.key](); event.preventDefault(); }
  isAfterG = event.key === "g" && !isAfterG;
});

takeKeyFromAddress();
window.addEventListener("hashchange", () => {
  // The link of the local run, opened in a tab that shows the console already.
  if (takeKeyFromAddress() && bar.firstChild) { current?.leave(); stopCounting(); current = null; put(bar); }
  show();
});
show();
