// Events: the live list, the receipt of each, why a journey ignored it, and sending one.
import { API, ApiError, call, get, problem, sendEvents } from "./api.js";
import { dialog, field } from "./dialog.js";
import { button, copyButton, facts, h, json, link, number, plural, put, s, section, textOf, time, to } from "./dom.js";
import { parseJson } from "./exact.js";
import { announce, poll } from "./live.js";
import { isLocal, key } from "./session.js";
import { MOST_ROWS, loading, segments, split, table } from "./table.js";
import { OUTCOMES, REASONS, inOrder } from "./words.js";

const OVERLAP = 15_000; // milliseconds; what came of an event is known some seconds after it, so the newest seconds are read again
const MUTED = "waypost-muted"; // names of events that this browser hides
const EXAMPLE = { correlationKey: "_id", correlationValue: "device-1", source: "custom", event: "trigger_some_message", payload: { some_value: "the_value" } };
const IDENTIFY = { correlationKey: "_id", correlationValue: "device-1", source: "custom", event: "$identify", payload: { distinct_id: "example@youremail.com", first_name: "Ada" } };

const idOf = (each) => each.uuid ?? `${each.receivedAt}${each.error?.pointer ?? ""}`;
const who = (each) => each.primaryKey ?? each.correlationValue ?? each.customer;
const customerLink = (each) => each.customer ? link(to("customers", each.customer), String(who(each))) : h("span", { class: "soft" }, who(each) ?? "nobody");

function cameOfIt(each) {
  if (each.error) return h("span", { class: "bad" }, "rejected: ", each.error.code);
  const parts = inOrder(each.journeys).map((move) => {
    const [tone, verb] = OUTCOMES[move.outcome];
    return h("span", { class: tone }, `${verb} ${move.journey}`, move.reason && `: ${move.reason}`);
  });
  if (each.messages.length) parts.push(h("span", {}, plural(each.messages.length, "message")));
  if (each.reason) parts.push(h("span", { class: "soft" }, each.reason));
  return parts.length ? h("span", { class: "moves" }, parts) : h("span", { class: "soft" }, "recorded");
}

const muted = () => JSON.parse(localStorage.getItem(MUTED) ?? "[]");
/** The call that sends a batch. On this machine it holds the key, so that it works as it is pasted; elsewhere a key does not belong on a screen. */
const curl = (body) => `curl -s '${new URL("events/batch/", API)}' \\\n  -H "Authorization: Api-Key ${isLocal ? key() : "$WAYPOST_KEY"}" -H "Content-Type: application/json" \\\n  -d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`;
const asSent = (each) => each.sent ?? { correlationKey: each.correlationKey ?? "_id", correlationValue: each.correlationValue, source: each.source ?? "custom", event: each.event, payload: each.payload ?? {} };

/** A dialog that sends a batch. `events` is what it begins with. */
async function sendDialog(batch) {
  const text = h("textarea", { rows: 18, spellcheck: "false", "aria-label": "The batch as JSON" });
  text.value = JSON.stringify({ batch }, null, 2);
  const sent = await dialog({
    title: "Send events", isWide: true, label: "Send",
    content: [field("The body of POST /api/events/batch/", text), h("p", { class: "soft" }, "They are real events: journeys start and messages are sent. Ctrl-Enter sends.")],
    action: async () => {
      try { JSON.parse(text.value); } catch (error) { throw new ApiError(0, "not-json", `This is no JSON: ${error.message}`); }
      const sent = text.value, { body } = await sendEvents(sent);
      const refused = body.results.filter((each) => each.error).map((each) => each.error);
      if (!refused.length) return body;
      const isPart = refused.length < body.results.length;
      // Who corrects the rejected events and sends again must not send the accepted ones twice.
      if (isPart && text.value === sent) text.value = JSON.stringify({ batch: parseJson(sent).batch.filter((_, n) => body.results[n].error) }, null, 2);
      throw new ApiError(0, refused[0].code, `${plural(refused.length, "event")} of ${number(body.results.length)} ${refused.length === 1 ? "was" : "were"} rejected${isPart ? "; the others are accepted, and are not in the text any more" : ""}.`, body.requestId, refused);
    },
  });
  if (sent) window.dispatchEvent(new Event("sent"));
}

const why = (node) => h("li", { class: node.holds ? "good" : "warn" },
  node.kind === "comparison"
    ? [h("code", {}, node.property), ` ${node.operator} `, node.value !== null && node.value !== undefined && h("code", {}, JSON.stringify(node.value)), h("span", { class: "soft" }, ` — found ${node.missing ? "nothing" : JSON.stringify(node.found)}${node.isCut ? " and more" : ""}: `), node.holds ? "holds" : "does not hold"]
    : [{ all: "all of these", any: "one of these", not: "not" }[node.kind] ?? node.kind, ": ", node.holds ? "holds" : "does not hold", node.items?.length > 0 && h("ul", { class: "why" }, node.items.map(why))]);

/** A button that asks the API why a journey did what it did, and shows the conditions as a tree. */
function whyButton(uuid, journey) {
  const place = h("div");
  const ask = () => loading(place, get(["events", uuid, "why"], { journey }), (answer) => [
    answer.note && h("p", { class: "soft" }, answer.note),
    answer.checks.map((each) => h("div", { class: "outcome" }, h("b", {}, { entry: "Entry", exit: "Exit event", branch: `Branch ${each.branch} of ${each.step}` }[each.kind]),
      each.waiting === false && h("span", { class: "soft" }, ", where no run waited when the event came"), each.needsAll && h("span", { class: "soft" }, ", which needs all of its events"),
      !each.names ? h("span", { class: "soft" }, ` waits for ${each.event}${each.source ? ` from ${each.source}` : ""}`) : each.condition ? h("ul", { class: "why" }, why(each.condition)) : h("span", { class: "good" }, " has no conditions"))),
    h("p", { class: "soft" }, `By version ${answer.version}. The customer is compared as they are now.`),
  ], ask);
  put(place, button("Why?", ask));
  return place;
}

function detailOf(each, { mute }) {
  const outcomes = inOrder(each.journeys ?? []).map((move) => h("div", { class: "outcome" },
    h("span", { class: OUTCOMES[move.outcome][0] }, move.outcome), " ", link(`${to("journeys", move.journey, "picture")}${each.customer ? `?customer=${encodeURIComponent(each.customer)}` : ""}`, h("b", {}, move.journey)),
    (move.branches ?? []).map((taken) => h("div", { class: "soft" }, "took branch ", h("b", {}, taken.branch), " of ", taken.step)),
    move.reason && h("div", { class: "soft" }, REASONS[move.reason] ?? move.reason),
    each.uuid && whyButton(each.uuid, move.journey)));
  const sent = asSent(each), isWhole = each.status === "rejected" || each.payload !== undefined;
  return [
    section(null, facts(["Received", time(each.receivedAt), h("span", { class: "soft" }, " · ", each.receivedAt.replace("T", " "))], ["Happened", time(each.timestamp)],
      ["Customer", customerLink(each)], ["Correlation id", each.correlationValue && h("code", {}, each.correlationValue)], ["Source", each.source], ["uuid", each.uuid && h("code", {}, each.uuid)])),
    each.error
      ? section("Why it was rejected", h("div", { class: "bad" }, h("b", {}, each.error.code)), h("div", {}, each.error.detail), h("code", { class: "soft" }, each.error.pointer))
      : section("What came of it", outcomes.length ? outcomes : h("div", { class: "soft" }, each.reason ? REASONS[each.reason] ?? each.reason : "Recorded. No published journey names this event.")),
    each.messages?.length > 0 && section("Messages", each.messages.map((id) => h("div", {}, link(to("messages", id), h("code", {}, id))))),
    !each.sent && section("Payload", isWhole ? json(each.payload, "Payload") : h("p", { class: "soft" }, "It was not found near the receipt. The list of events has it.")),
    each.sent && section("As it was sent", json(each.sent, "The event as it was sent")),
    h("section", { class: "actions" }, copyButton("Copy JSON", () => JSON.stringify(each, null, 2)), isWhole && [copyButton("Copy as curl", () => curl({ batch: [sent] })), button("Send again…", () => sendDialog([sent]))],
      each.event && button(muted().includes(each.event) ? "Show this name" : "Hide this name", () => mute(each.event))),
  ];
}

/** What a new workspace shows: the call that makes the first row. */
const firstEvent = () => [h("h2", {}, "No events yet"), h("p", {}, "Send the first one. It appears here within two seconds:"),
  command(curl({ batch: [IDENTIFY, EXAMPLE] })),
  h("div", { class: "actions" }, copyButton("Copy", () => curl({ batch: [IDENTIFY, EXAMPLE] })), button("Send it from here…", () => sendDialog([IDENTIFY, EXAMPLE]), { class: "primary" })),
  !isLocal && h("p", { class: "soft" }, "WAYPOST_KEY is a key of the workspace with the scope events."), isLocal && h("p", { class: "soft" }, "It starts the demo journey: open the row to see what came of it, its message to see the mail, and advance the clock by three days to see the reminder.")];
const command = (text) => h("pre", { tabindex: 0, class: "block" }, text);

/** The lists that a filter shows. Accepted and rejected events are two lists of the API. */
const LISTS = { all: [{ status: "accepted" }, { status: "rejected" }], effect: [{ status: "accepted", effect: true }], rejected: [{ status: "rejected" }] };

/**
 * The events of one or two lists of the API as one, newest first. `read` reads what is new, `older` one page further back.
 *
 * Rows that are older than the end of a list that goes on are held back: between them there may be rows that were not read, and the page would show a
 * gap as if nothing had happened. For the same reason a list forgets its rows when more have come than one reading has. Such a list `isCut`: where it
 * goes on is read again when a person asks for it.
 */
function feed(name, which) {
  const lists = LISTS[which].map((query) => ({ query: { ...query, event: name }, items: [], cursor: null, isCut: false, newest: null }));
  /** Returns whether something was new or different. */
  const merge = (list, items) => {
    const known = new Map(list.items.map((each) => [idOf(each), each]));
    let isChanged = false;
    for (const each of items) {
      const before = known.get(idOf(each));
      if (before && textOf(before) === textOf(each)) continue;
      known.set(idOf(each), each);
      isChanged = true;
    }
    list.items = [...known.values()].sort((a, b) => (a.receivedAt < b.receivedAt ? 1 : a.receivedAt > b.receivedAt ? -1 : 0));
    list.newest = list.items[0]?.receivedAt ?? list.newest;
    return isChanged;
  };
  const goesOn = (list) => list.cursor || list.isCut;
  return {
    /** Whether more came than one reading has, while the rows were to stay. */
    hasMore: false,
    /** Returns whether something was new or different. With `isKept`, rows that a person reads are not given up for newer ones. */
    async read(signal, isKept) {
      this.hasMore = false;
      const changes = await Promise.all(lists.map(async (list) => {
        const since = list.newest && new Date(Date.parse(list.newest) - OVERLAP).toISOString();
        const { body: page, at } = await call("GET", ["events"], { query: { ...list.query, since, limit: since ? MOST_ROWS : 50 }, signal });
        const cut = () => { list.cursor = null; list.isCut = true; };
        // The cursor of a part that has a beginning does not lead beyond it.
        if (since && page.next) {
          if (isKept) { this.hasMore = true; return false; }
          list.items = [];
          cut();
        }
        const isChanged = merge(list, page.items);
        if (!since) { list.cursor = page.next; list.isCut = false; }
        // An empty list is read from now on as well: without a beginning, each reading looks through many days.
        if (at) list.newest ??= new Date(at).toISOString();
        if (list.items.length > 2 * MOST_ROWS) { list.items = list.items.slice(0, MOST_ROWS); cut(); }
        return isChanged;
      }));
      return changes.includes(true);
    },
    async older() {
      const oldest = (list) => list.items.at(-1)?.receivedAt ?? "9999";
      const list = lists.filter(goesOn).sort((a, b) => (oldest(a) < oldest(b) ? 1 : -1))[0], end = oldest(list);
      do {
        const page = await get(["events"], { ...list.query, cursor: list.cursor, limit: list.isCut ? MOST_ROWS : 100 });
        merge(list, page.items);
        list.cursor = page.next;
      } while (list.isCut && list.cursor && oldest(list) >= end);
      list.isCut = false;
    },
    get goesOn() { return lists.some(goesOn); },
    get items() {
      const end = lists.filter(goesOn).map((each) => each.items.at(-1)?.receivedAt ?? "9999").sort().at(-1) ?? "";
      return lists.flatMap((each) => each.items).filter((each) => each.receivedAt >= end).sort((a, b) => (a.receivedAt < b.receivedAt ? 1 : a.receivedAt > b.receivedAt ? -1 : 0));
    },
  };
}

/** The bars of the last hour. A screen reader gets the sums. */
async function drawChart(place, signal) {
  const body = await get(["events", "histogram"], { buckets: 60 }, signal); // of the last hour by the clock of the API
  const most = Math.max(1, ...body.buckets.map((each) => each.accepted + each.rejected)), height = (count) => (count / most) * 36;
  const [accepted, rejected] = ["accepted", "rejected"].map((kind) => number(body.buckets.reduce((sum, each) => sum + each[kind], 0), !body.complete && kind === "accepted"));
  const period = body.complete || body.countedFrom <= body.since ? "last hour" : `since ${time(body.countedFrom).textContent}`;
  put(place, s("svg", { viewBox: `0 0 ${body.buckets.length * 10} 36`, preserveAspectRatio: "none", role: "img", "aria-label": `Events, ${period}: ${accepted} accepted, ${rejected} rejected` }, body.buckets.map((each, n) => {
    const ok = height(each.accepted), no = height(each.rejected);
    return [s("rect", { class: "ok", x: n * 10, y: 36 - ok, width: 8, height: ok }), no > 0 && s("rect", { class: "no", x: n * 10, y: 36 - ok - no, width: 8, height: no })];
  })), h("span", {}, period, h("br"), `${accepted} accepted, `, h("span", { class: rejected === "0" ? "" : "bad" }, `${rejected} rejected`)));
}

/** The event of a permanent link that is not in the list: its receipt, and its payload where the list of its customer has it. */
async function findOne(id) {
  const receipt = await get(["events", id]);
  const near = await get(["events"], { customer: receipt.customer, since: receipt.receivedAt, event: receipt.event, limit: 100 }).catch(() => ({ items: [] }));
  return near.items.find((each) => each.uuid === id) ?? { ...receipt, status: "accepted" };
}

export function show(place, first) {
  let route = first, events = null, shown = [], isLive = true, isRead = false, footed = "", hiddenNames = "", stop = () => {};
  const filters = (query = route.query) => { const kept = new URLSearchParams(); for (const each of ["event", "status"]) if (query.get(each)) kept.set(each, query.get(each)); return kept.size ? `?${kept}` : ""; };
  const hashOf = (id) => `${id ? to("events", id) : "#/events"}${filters()}`;
  const list = table({
    label: "Events, newest first", key: idOf, open: (each) => hashOf(idOf(each)),
    columns: [{ name: "Received", class: "w-clock" }, { name: "Event", class: "w-name" }, { name: "Customer", class: "w-who" }, { name: "What came of it" }, { name: "Source", class: "w-src" }],
    cells: (each) => [time(each.receivedAt), each.event ? h("b", {}, each.event) : h("i", { class: "soft" }, "no name"), customerLink(each), cameOfIt(each), each.source ?? ""],
  });
  const beside = split(list, "Event", () => { location.hash = hashOf(null); });
  const failed = h("div", { class: "failed" }), hidden = h("span", { class: "hidden-names" }), chart = h("div", { class: "chart" });
  const fresh = button("", () => { list.toTop(); draw(); setLive(true); }, { class: "fresh", hidden: true });
  const live = button("Live", () => setLive(!isLive), { class: "live", "aria-pressed": "true" });
  const name = h("input", { type: "search", placeholder: "Event name", "aria-label": "Only events of this name", onchange: () => filter("event", name.value.trim()) });
  const which = segments("Which events", [["all", "All"], ["effect", "With effect"], ["rejected", "Rejected"]], "all", (value) => filter("status", value === "all" ? "" : value));

  function filter(parameter, value) {
    const query = new URLSearchParams(route.query);
    if (value) query.set(parameter, value); else query.delete(parameter);
    location.hash = `#/events${filters(query)}`;
  }
  const visible = () => { const names = muted(); return events.items.filter((each) => !names.includes(each.event)); };
  /** What has come since the rows were drawn. Rows that are older than all of them are not new: they are more than the page shows. */
  const unseen = () => {
    const known = new Set(shown.map(idOf)), oldest = shown.at(-1)?.receivedAt ?? "";
    return visible().filter((each) => each.receivedAt >= oldest && !known.has(idOf(each)));
  };

  /** Draws all events; with `isQuiet` only those that are there already, with what has come of them since. */
  function draw(isQuiet = false) {
    const all = visible(), known = new Set(shown.map(idOf));
    shown = (isQuiet ? all.filter((each) => known.has(idOf(each))) : all).slice(...(isLive ? [0, MOST_ROWS] : [-MOST_ROWS]));
    list.show(shown);
    const names = muted(), count = events.hasMore ? MOST_ROWS : unseen().length;
    if (hiddenNames !== names.join("\n")) put(hidden, names.map((each) => button(`${each} is hidden ✕`, () => mute(each), { class: "chip-button" })));
    hiddenNames = names.join("\n");
    fresh.hidden = !isQuiet || !count;
    fresh.textContent = `${number(count, count >= MOST_ROWS)} new`;
    drawFoot();
    openRoute();
  }
  /** What stands below the rows. It stays as it is from poll to poll, so that its buttons keep the focus and a text in it stays selected. */
  function drawFoot() {
    const isOther = Boolean(filters()) || events.items.length > 0, foot = JSON.stringify([shown.length > 0, isLive, events.goesOn, isOther]);
    if (foot === footed && list.foot.firstChild && !list.foot.querySelector(".loading, .problem")) return;
    footed = foot;
    const isFocused = list.foot.contains(document.activeElement);
    const further = events.goesOn && button("Look further back", older);
    if (shown.length) list.note(!isLive && h("span", { class: "soft" }, "Paused. "), further || (!isLive && h("span", { class: "soft" }, "Nothing older is kept.")));
    else if (further) list.empty(h("p", {}, events.items.length ? "No event of those that were read is like this." : "Nothing in these days."), further);
    else list.empty(isOther ? h("p", {}, "No event is like this.") : firstEvent());
    if (isFocused) { list.foot.tabIndex = -1; list.foot.focus({ preventScroll: true }); }
  }
  async function read(signal) {
    const reading = events;
    // Who reads further down keeps these rows, however many come; the newest are read when they go on.
    const isKept = shown.length > 0 && list.isInUse();
    if (isKept && (reading.hasMore || unseen().length >= MOST_ROWS)) return false;
    const isChanged = await reading.read(signal, isKept);
    if (reading !== events) return false;
    put(failed);
    isRead = true;
    const isFirst = !shown.length, count = unseen().length;
    draw(!isFirst && list.isInUse());
    if (count && !isFirst) announce(plural(count, "new event"));
    return isChanged || !shown.length; // the first event appears within two seconds, however long it takes to send it
  }
  async function older() {
    setLive(false);
    await loading(list.foot, events.older(), () => { draw(); return [...list.foot.childNodes]; }, older);
  }
  function setLive(value) {
    isLive = value;
    live.setAttribute("aria-pressed", String(value));
    live.textContent = value ? "Live" : "Paused";
    stop();
    if (value) stop = poll(read, (error, seconds) => {
      if (!isRead) { list.show([]); put(list.foot); } // what is still shown belongs to the filter before
      put(failed, problem(error, h("div", { class: "soft" }, `${isRead ? "What is shown is older. " : ""}The page tries again in ${seconds} s.`)));
    });
    if (isRead) drawFoot();
  }
  function restart() {
    events = feed(route.query.get("event"), LISTS[route.query.get("status")] ? route.query.get("status") : "all");
    shown = [];
    isRead = false;
    name.value = route.query.get("event") ?? "";
    which.select(route.query.get("status") ?? "all");
    list.waiting();
    setLive(true);
  }
  function mute(each) {
    const names = muted();
    localStorage.setItem(MUTED, JSON.stringify(names.includes(each) ? names.filter((other) => other !== each) : [...names, each]));
    beside.content = null;
    draw();
  }
  function showDetail(each) {
    const content = JSON.stringify(each);
    if (beside.shown === route.parts[0] && beside.content === content) return;
    beside.content = content;
    beside.open(route.parts[0], each.event ?? "An event without a name", detailOf(each, { mute }));
  }
  function openRoute() {
    const id = route.parts[0];
    if (!id) { beside.asked = null; beside.close(); return; }
    const known = events.items.find((each) => idOf(each) === id);
    if (known) { showDetail(known); return; }
    if (beside.shown === id || beside.asked === id) return;
    beside.asked = id;
    beside.waiting(id, "Event", () => route.parts[0] === id);
    findOne(id).then((each) => { if (route.parts[0] === id) showDetail(each); }, (error) => {
      if (route.parts[0] !== id) return;
      beside.open(id, "Event", section(null, error.status === 404 ? h("p", {}, "There is no receipt with this uuid. An event gets one some seconds after it was accepted, and a rejected one gets none: look for it in the list of rejected events.") : problem(error)));
    });
  }

  const again = () => setLive(true);
  window.addEventListener("sent", again);
  window.addEventListener("clock", again);
  put(place, h("div", {}, h("div", { class: "head" }, h("h1", {}, "Events"), live, name, which, hidden, fresh, h("span", { class: "push" }), button("Send an event…", () => sendDialog([EXAMPLE]))), chart, failed), beside.element);
  restart();
  openRoute();
  const stopChart = poll((signal) => drawChart(chart, signal), () => {}, { every: 30_000 }); // its bars are minutes, and an exact count reads up to 100 pages
  return {
    update(next) {
      const isSame = filters(next.query) === filters();
      route = next;
      if (!isSame) restart();
      openRoute();
      return true;
    },
    leave() { stop(); stopChart(); window.removeEventListener("sent", again); window.removeEventListener("clock", again); },
  };
}
