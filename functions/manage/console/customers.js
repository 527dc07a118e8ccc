// Customers: one person, found by any of their ids: attributes, consents, where they are in journeys, and what happened.
import { ApiError, call, get, problem } from "./api.js";
import { dialog } from "./dialog.js";
import { button, copyButton, day, facts, h, link, plural, put, renew, section, time, to } from "./dom.js";
import { poll } from "./live.js";
import { RECENT } from "./session.js";
import { loading } from "./table.js";
import { OUTCOMES, REASONS, pill, status, why, whyNotSent } from "./words.js";

const MOST_RECENT = 10;
const MOST_ENTRIES = 200;
const MOST_PAYLOAD = 300; // characters of a payload in a timeline; the event has all of it
const EXPORT_PAGES = 100;

const recent = () => JSON.parse(sessionStorage.getItem(RECENT) ?? "[]");
const remember = (id, name) => sessionStorage.setItem(RECENT, JSON.stringify([[id, name], ...recent().filter(([other]) => other !== id)].slice(0, MOST_RECENT)));
const forgetRecent = (id) => sessionStorage.setItem(RECENT, JSON.stringify(recent().filter(([other]) => other !== id)));
const nameOf = (customer) => String(customer.primaryKey ?? customer.correlationIds[0] ?? customer.id);

const shortened = (value) => { const text = JSON.stringify(value); return text.length > MOST_PAYLOAD ? `${text.slice(0, MOST_PAYLOAD)}…` : text; };

/** One entry of a timeline. */
export function entry(each) {
  const journey = each.journey && link(`${to("journeys", each.journey, "picture")}`, each.journey);
  const reason = each.reason && h("div", { class: "soft" }, (each.kind === "message" ? whyNotSent : why)(each.reason));
  const content = {
    event: () => [link(to("events", each.uuid), h("b", {}, each.event)), h("span", { class: "soft" }, " event"), each.payload && Object.keys(each.payload).length > 0 && h("div", { class: "soft" }, shortened(each.payload)), reason],
    move: () => each.event
      ? [h("span", { class: OUTCOMES[each.outcome]?.[0] }, OUTCOMES[each.outcome]?.[1] ?? each.outcome), " ", journey, h("span", { class: "soft" }, " by "), link(to("events", each.uuid), each.event),
        each.steps?.length > 0 && h("div", {}, each.steps.map((step) => [" → ", step.branch && h("span", { class: "soft" }, `${step.branch}: `), step.step])), reason]
      : ["→ ", h("b", {}, each.step), h("span", { class: "soft" }, " in "), journey, each.branch && h("div", { class: "soft" }, `branch ${each.branch}`), reason],
    message: () => [link(to("messages", each.message), h("b", {}, `${each.channel} message`)), h("span", { class: "soft" }, " of "), journey, ": ", status(each.status),
      each.due && h("div", { class: "soft" }, "is due ", time(each.due, { always: true })), reason, each.detail && h("div", { class: "soft" }, each.detail)],
  };
  return h("li", { class: `entry ${each.kind}` }, time(each.at, { never: true }), h("div", {}, (content[each.kind] ?? (() => each.kind))()));
}

/** The entries under the headings of their days, newest first. */
export function timeline(entries) {
  let before = null;
  return h("ol", { class: "timeline", "aria-label": "What happened, newest first" }, entries.map((each) => {
    const today = day(each.at), heading = today !== before && h("li", {}, h("h3", {}, today));
    before = today;
    return [heading, entry(each)];
  }));
}

function runs(customer) {
  if (!customer.runs.length) return h("p", { class: "soft" }, "This customer has entered no journey.");
  return customer.runs.map((run) => h("div", { class: "outcome" },
    link(`${to("journeys", run.journey, "picture")}?customer=${encodeURIComponent(customer.id)}`, h("b", {}, run.journey)), " ", pill(run.reason === "finished" ? "finished" : run.status), h("span", { class: "soft" }, ` version ${run.version}${run.key ? `, key ${run.key}` : ""}`),
    h("div", {}, run.status === "active" ? ["is in ", h("b", {}, run.step), run.due && [" until ", time(run.due, { always: true })], run.hold && h("span", { class: "warn" }, run.hold === "paused" ? ", held by the pause of the journey" : ", held by quiet hours")] : ["ended in ", run.step]),
    h("div", { class: "soft" }, "entered ", time(run.enteredAt, { always: true }), run.reason && [" · ", REASONS[run.reason] ?? run.reason])));
}

/** Reads all pages of the export and saves them as one file, from the memory of the page: the key is in no address. */
async function download(id, name) {
  const pages = [];
  for (let cursor = null, n = 0; n < EXPORT_PAGES; n += 1) {
    const page = await get(["customers", id, "export"], { cursor, limit: 200 });
    pages.push(page);
    cursor = page.next;
    if (!cursor) break;
  }
  const last = pages.at(-1);
  const whole = { customer: pages[0].customer, history: pages.flatMap((each) => each.history), messages: pages.flatMap((each) => each.messages), consents: pages[0].consents, complete: !last.next };
  const address = URL.createObjectURL(new Blob([JSON.stringify(whole, null, 2)], { type: "application/json" }));
  h("a", { href: address, download: `${name.replace(/[^\w.@-]+/g, "_")}.json` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // some browsers read it after the click
  if (last.next) throw new ApiError(0, "too-large", `The file has the newest ${plural(whole.history.length, "entry", "entries")} only. The API exports all of them, page by page.`);
}

async function erase(customer) {
  const erased = await dialog({
    title: "Erase this customer?", label: "Erase for good", danger: true, typed: customer.id,
    content: [h("p", {}, `${nameOf(customer)}: all attributes, ${plural(customer.correlationIds.length, "correlation id")}, ${plural(customer.runs.length, "run")}, events and messages are deleted everywhere. Only a keyed hash stays, so that events from before do not bring the customer back. This cannot be undone.`)],
    action: () => call("DELETE", ["customers", customer.id]),
  });
  if (!erased) return;
  forgetRecent(customer.id);
  location.hash = `${to("customers", customer.id)}?erasure=1`;
}

function showErasure(place, id) {
  const failed = h("div", { class: "failed" }), content = h("div", { class: "scroll" });
  let shown = "";
  put(place, h("div", {}, h("div", { class: "head" }, h("h1", { tabindex: -1 }, "Erasure")), failed), content);
  return poll(async (signal) => {
    const answer = await get(["erasures", id], {}, signal), text = JSON.stringify(answer);
    put(failed);
    if (text === shown) return false;
    shown = text;
    put(content, section(null, facts(["Customer", h("code", {}, answer.id)], ["State", status(answer.complete ? "complete" : "pending")], ["Erased at", time(answer.erasedAt, { always: true })]),
      !answer.complete && h("p", { class: "soft" }, "A second pass follows two minutes after the first one. It goes on by itself.")));
    return true;
  }, (error, seconds) => put(failed, problem(error, h("div", { class: "soft" }, `The page tries again in ${seconds} s.`))));
}

/** The page of one customer. Returns what ends its reading. */
function showCustomer(place, id) {
  const head = h("div"), failed = h("div", { class: "failed" }), notice = h("div"), side = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "What is known of the customer" }), history = h("div"), foot = h("div", { class: "note" });
  const main = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Timeline" }, history, foot);
  let entries = [], cursor = null, isPaged = false, shown = "";
  put(place, h("div", {}, head, failed, notice), h("div", { class: "split person" }, main, h("aside", { "aria-label": "Customer" }, side)));

  async function read(signal) {
    const [customer, page, consents] = await Promise.all([get(["customers", id], {}, signal), isPaged ? null : get(["customers", id, "timeline"], { limit: 50 }, signal), get(["customers", id, "consents"], { limit: 20 }, signal)]);
    put(failed);
    if (page && !isPaged) ({ items: entries, next: cursor } = page);
    const content = JSON.stringify([customer, entries, consents]);
    if (content === shown) return false;
    shown = content;
    remember(customer.id, nameOf(customer));
    clearTimeout(slow);
    put(head, h("div", { class: "head" }, h("h1", {}, nameOf(customer)), customer.anonymous && pill("anonymous"), h("span", { class: "push" }),
      button("Export", (event) => { const pressed = event.currentTarget; pressed.disabled = true; put(notice); download(id, nameOf(customer)).catch((error) => put(notice, problem(error))).finally(() => { pressed.disabled = false; }); }),
      button("Erase…", () => erase(customer), { class: "danger" })));
    renew(side, section(null, facts(["Id", h("code", {}, customer.id)], ["Primary key", customer.primaryKey === null ? h("span", { class: "soft" }, "none: anonymous") : String(customer.primaryKey)], ["Correlation ids", customer.correlationIds.map((each) => h("div", {}, h("code", {}, each)))])),
      customer.warnings.length > 0 && section("Warnings", customer.warnings.map((each) => h("div", { class: "warn" }, each.detail))),
      section("Journeys", runs(customer)),
      section("Attributes", Object.keys(customer.attributes).length ? facts(...Object.entries(customer.attributes).map(([name, value]) => [name, typeof value === "string" && value ? value : h("code", {}, JSON.stringify(value))])) : h("p", { class: "soft" }, "none")),
      Object.keys(customer.deviceTokens).length > 0 && section("Device tokens", facts(...Object.entries(customer.deviceTokens).map(([name, value]) => [name, h("code", {}, value)]))),
      section("Consent", consents.states.length ? facts(...consents.states.map((each) => [`${each.topic}, ${each.channel}`, status(each.state)])) : h("p", { class: "soft" }, "no topics"),
        consents.items.map((each) => h("div", { class: "soft" }, time(each.at, { always: true }), ` ${each.state}: ${each.topic ?? "all topics"}, ${each.channel ?? "all channels"}, by ${each.source}`))),
      h("section", { class: "actions" }, copyButton("Copy JSON", () => JSON.stringify(customer, null, 2))));
    drawHistory();
    return true;
  }
  function drawHistory() {
    renew(history, entries.length ? timeline(entries) : h("div", { class: "empty" }, "Nothing has happened yet."));
    put(foot, isPaged && button("Back to the newest", () => { isPaged = false; shown = ""; restart(); }), cursor && button("Look further back", older));
  }
  async function older() {
    isPaged = true;
    await loading(foot, get(["customers", id, "timeline"], { cursor, limit: 50 }), (page) => {
      entries = [...entries, ...page.items].slice(-MOST_ENTRIES);
      cursor = page.next;
      drawHistory();
      return [...foot.childNodes];
    }, older);
  }
  let stop = () => {};
  function restart() {
    stop();
    stop = poll(read, (error, seconds) => {
      if (error.status === 404) { stop(); put(place, h("div", { class: "head" }, h("h1", {}, "Customer")), h("div", { class: "scroll" }, h("div", { class: "empty" }, h("p", {}, "There is no customer with this id. It may have been erased."), link("#/customers", "Find another")))); return; }
      clearTimeout(slow);
      put(failed, problem(error, h("div", { class: "soft" }, `${shown ? "What is shown is older. " : ""}The page tries again in ${seconds} s.`)));
    });
  }
  const slow = setTimeout(() => put(head, h("div", { class: "note" }, "loading…")), 300);
  restart();
  window.addEventListener("clock", restart);
  return () => { stop(); clearTimeout(slow); window.removeEventListener("clock", restart); };
}

function showSearch(place) {
  const failed = h("div", { class: "failed" });
  const input = h("input", { type: "search", id: "find", autocomplete: "off", spellcheck: "false", onkeydown: (event) => { if (event.key === "Enter") find(); } });
  async function find() {
    const id = input.value.trim();
    if (!id) return input.focus();
    put(failed);
    const tries = [["primaryKey", id], ["correlationId", id]].map(([name, value]) => get(["customers"], { [name]: value }));
    try {
      const found = await Promise.any([...tries, get(["customers", id])]);
      location.hash = to("customers", found.id);
    } catch (all) {
      const other = all.errors.find((each) => each instanceof ApiError && each.status !== 404 && each.status !== 400 && each.status !== 422);
      put(failed, other ? problem(other) : h("div", { class: "note", role: "alert" }, "No customer has this id."));
    }
    return undefined;
  }
  put(place, h("div", { class: "head" }, h("h1", {}, "Customers")), h("div", { class: "scroll" }, h("div", { class: "empty" },
    h("label", { for: "find" }, "Primary key, correlation id or customer id"), h("div", { class: "actions find" }, input, button("Find", find, { class: "primary" })), failed,
    recent().length > 0 && [h("h2", {}, "Opened in this tab"), h("ul", { class: "plain" }, recent().map(([id, name]) => h("li", {}, link(to("customers", id), name))))])));
  input.focus();
}

export function show(place, route) {
  const id = route.parts[0];
  if (!id) showSearch(place);
  const leave = id ? (route.query.get("erasure") ? showErasure : showCustomer)(place, id) : () => {};
  return { update: () => false, leave };
}
