// The picture of a journey with its numbers, one customer's way through it, and who waits in a step.
import { get, problem } from "./api.js";
import { timeline } from "./customers.js";
import { button, day, facts, h, keyed, link, number, put, renew, s, section, time, to } from "./dom.js";
import { draw, edgeOf, wayOf } from "./drawing.js";
import { dayBefore, poll } from "./live.js";
import { loading, soon, split } from "./table.js";
import { ENDS, REASONS, does, inWords, pill, status } from "./words.js";

const EVERY = 10_000; // milliseconds; the numbers of a picture cost as many queries as it has steps
const PEOPLE = 20; // runs of a step in one page; the API reads each customer by itself
const ALL_ROWS = 200, NEW_ROWS = 20; // of a timeline, in the first reading and in those after it
const MOST_PAGES = 3, MORE_PAGES = 10; // pages of a timeline that are read without a click, and by one
const RECENT_VERSIONS = 20;
const SINCE = [["", "since it began"], ["1", "today"], ["7", "in 7 days"], ["30", "in 30 days"]];
const FAILED = ["failed", "bounced"];

const total = (list) => list.reduce((sum, each) => sum + each.count, 0);

/** A customer's run in a list: the customer, which leads to their way through the journey, and how long the run waits. */
export function waiting(id, each) {
  return h("li", { class: "entry wide" }, h("div", {}, link(`${to("journeys", id, "picture")}?customer=${encodeURIComponent(each.customer)}`, h("b", {}, String(each.primaryKey ?? each.customer))),
    h("div", { class: "soft" }, "since ", time(each.enteredAt), each.due && [", until ", time(each.due)], each.held && h("span", { class: "warn" }, ", held"))));
}

/** The moves of one run in the entries of a timeline (newest first), in order of time: `{ step, branch, reason }`. */
export function movesOf(entries, run) {
  const moves = [...entries].reverse().filter((each) => each.kind === "move" && each.run === run.id);
  return moves.flatMap((each) => each.steps ?? (each.step ? [{ step: each.step, branch: each.branch, reason: each.reason }] : []));
}

/** What tells the entries of a timeline apart. The status of a message is no part of it: it changes. */
const nameOf = (each) => JSON.stringify([each.kind, each.at, each.uuid, each.run, each.step, each.message, each.journey]);

/** The steps that lie behind a step, nearest first: the goals that an experiment can have. */
export function behind(geometry, id) {
  const found = [];
  for (let from = [id]; from.length; from = [...new Set(geometry.edges.filter((each) => from.includes(each.from)).map((each) => each.to))].filter((each) => each !== id && !found.includes(each))) found.push(...from);
  return found.slice(1);
}

const percent = (rate) => (rate === null || rate === undefined ? "–" : `${(rate * 100).toFixed(1)} %`);
/** An experiment's branches side by side. The line of each is its 95 % interval, on one scale for all. */
function compared(answer) {
  const most = Math.max(0.01, ...answer.branches.map((each) => each.high ?? 0)), x = (rate) => (rate / most) * 100;
  return h("table", { class: "branches" },
    h("thead", {}, h("tr", {}, ["Branch", "Entered", "Came there", "Rate", "95 % interval"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, answer.branches.map((each) => h("tr", {}, h("th", { scope: "row" }, each.branch), h("td", {}, number(each.entered, answer.isLowerBound)), h("td", {}, number(each.came, answer.isLowerBound)), h("td", {}, h("b", {}, percent(each.rate))),
      h("td", { class: "soft" }, each.entered ? `${percent(each.low)} to ${percent(each.high)}` : "–",
        each.entered > 0 && s("svg", { viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" }, s("rect", { class: "range", x: x(each.low), y: 2, width: Math.max(0.5, x(each.high) - x(each.low)), height: 2 }), s("rect", { class: "rate", x: Math.max(0, x(each.rate) - 0.6), y: 0, width: 1.2, height: 6 })))))));
}

export function show(place, context) {
  const { id } = context;
  let { route, journey } = context;
  let drawn = null, shape = "", layout = null, stats = null, definition = null, person = null, stopReading = () => {}, stopPerson = () => {}, panel = null;
  const definitions = new Map();
  const scroll = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Picture of the journey" });
  const beside = split({ element: scroll, focusRow: (key) => drawn?.focus(key.replace(/^step:/, "")) }, "Beside the picture", () => { location.hash = hash({ customer: route.query.get("step") ? route.query.get("customer") : null, run: route.query.get("step") ? route.query.get("run") : null, step: null, goal: null, branch: null, ignored: null }); });
  const numbers = h("span", { class: "numbers" }), failed = h("div", { class: "failed" });
  const version = h("select", { "aria-label": "Version that is shown", onchange: () => { location.hash = hash({ version: version.value, step: null, customer: null, run: null }); } });
  const since = h("select", { "aria-label": "Days that are counted", onchange: () => { location.hash = hash({ days: since.value }); } }, SINCE.map(([value, name]) => h("option", { value }, name)));
  put(place, h("div", {}, h("div", { class: "facts" }, numbers, version, since), failed), beside.element);
  soon(scroll);

  /** The address of this picture with some parts of its query changed; null removes a part. */
  function hash(changes) {
    const query = new URLSearchParams(route.query);
    for (const [name, value] of Object.entries(changes)) { if (value) query.set(name, value); else query.delete(name); }
    return `${to("journeys", id, "picture")}${query.size ? `?${query}` : ""}`;
  }
  /** The address of the messages that a number counts: those of the version and the days that are shown. */
  const messagesOf = (filters) => `${to("journeys", id, "messages")}?${new URLSearchParams({ ...filters, version: wanted(), ...(route.query.get("days") && { days: route.query.get("days") }) })}`;
  const runOf = () => person?.runs.find((each) => each.id === route.query.get("run")) ?? person?.runs[0] ?? null;
  const wanted = () => Number(route.query.get("version")) || runOf()?.version || journey.publishedVersion || journey.version;

  function drawVersions() {
    const newest = journey.version, all = new Set([wanted(), journey.publishedVersion, ...Array.from({ length: Math.min(newest, RECENT_VERSIONS) }, (_, n) => newest - n)].filter(Boolean));
    const options = [...all].sort((a, b) => b - a).map((each) => [each, `version ${each}${each === journey.publishedVersion ? ", published" : each > (journey.publishedVersion ?? 0) ? ", draft" : ""}`]);
    const content = JSON.stringify(options);
    if (version.dataset.content !== content) put(version, options.map(([value, text]) => h("option", { value }, text)));
    version.dataset.content = content;
    version.value = String(wanted());
    since.value = route.query.get("days") ?? "";
  }
  async function definitionOf(n, signal) {
    if (n === journey.version) return journey.definition;
    if (!definitions.has(n)) definitions.set(n, (await get(["journeys", id], { version: n }, signal)).definition);
    return definitions.get(n);
  }

  /** Reads the picture with its numbers. The statistics may fail by themselves: the picture is shown without them. */
  async function read(signal) {
    const asked = wanted();
    const counts = get(["journeys", id, "stats"], { version: asked, since: dayBefore(route.query.get("days")) }, signal).catch((error) => { if (error.name === "AbortError") throw error; return error; });
    const defined = definitionOf(asked, signal).catch((error) => { if (error.name === "AbortError") throw error; return null; });
    const [picture, counted, found] = await Promise.all([get(["journeys", id, "picture"], { counts: true, version: asked }, signal), counts, defined]);
    if (asked !== wanted()) return false;
    [layout, definition] = [picture, found];
    const isCounted = !(counted instanceof Error);
    put(failed, !isCounted && problem(counted, h("div", { class: "soft" }, "The picture is shown without the numbers of those who came.")));
    if (isCounted) stats = counted; else if (stats?.version !== asked) stats = null;
    drawPicture();
    return false;
  }
  function drawPicture() {
    const { held, heldAtLeast } = layout, geometry = { ...layout, held: 0, heldAtLeast: false, steps: layout.steps.map((step) => ({ ...step, here: 0, hereAtLeast: false })) };
    const content = JSON.stringify([geometry, definition]); // all that is drawn only once: the numbers change in place
    if (content !== shape) {
      shape = content;
      drawn = draw(geometry, { label: `Steps of ${journey.name || id}, version ${layout.version}`, definition, href: (step) => hash({ step, goal: null, branch: null, ignored: null }) });
      put(scroll, drawn.element);
    } else drawn.relink();
    const came = new Map(stats?.steps.map((each) => [each.step, each.came])), taken = new Map();
    // The edges of the statistics are those of the picture, in its order. The index is compared, because the two answers may be of different moments.
    (stats?.edges ?? []).forEach((each, n) => {
      const isSame = layout.edges[n]?.from === each.from && layout.edges[n].to === each.to, at = isSame ? n : edgeOf(layout, each.from, each.to, each.branch, definition);
      taken.set(at, (taken.get(at) ?? 0) + each.count);
    });
    const here = new Map(layout.steps.map((each) => [each.id, [each.here, each.hereAtLeast]]));
    drawn.count({ here: (step) => here.get(step.id), came: (step) => (stats ? came.get(step) ?? 0 : null), taken: (edge) => (stats ? taken.get(edge) ?? 0 : null), entered: stats?.entered ?? null, isLowerBound: stats?.isLowerBound });
    drawn.choose(route.query.get("step"));
    drawWay();
    drawFacts(held, heldAtLeast);
    drawVersions();
    panel?.update();
  }
  function drawFacts(held, heldAtLeast) {
    const inside = layout.steps.reduce((sum, each) => sum + each.here, held), isMore = heldAtLeast || layout.steps.some((each) => each.hereAtLeast), isLower = stats?.isLowerBound;
    const part = (n, words, isLowerBound = isLower) => h("span", {}, h("b", {}, number(n, isLowerBound)), ` ${words}`);
    const messages = stats?.messages ?? [], bad = FAILED.map((word) => [word, total(messages.filter((each) => each.status === word))]).filter(([, n]) => n > 0), ignored = total(stats?.ignored ?? []);
    const content = JSON.stringify([stats, inside, isMore, held, heldAtLeast]);
    if (numbers.dataset.content === content) return;
    numbers.dataset.content = content;
    renew(numbers, stats && part(stats.entered, "entered"), h("span", {}, h("b", {}, number(inside, isMore)), journey.version > 1 ? " here now, of all versions" : " here now", held > 0 && [", ", h("span", { class: "warn" }, `${number(held, heldAtLeast)} held`)]), stats && part(stats.finished, "finished"),
      stats?.exited.filter((each) => each.count > 0).map((each) => part(each.count, ENDS[each.reason] ?? `ended: ${each.reason}`)),
      messages.length > 0 && h("span", {}, link(messagesOf({}), h("b", {}, number(total(messages), stats.messagesAreLowerBound)), " messages"), bad.map(([word, n]) => [", ", link(messagesOf({ status: word }), h("span", { class: "bad" }, `${number(n, stats.messagesAreLowerBound)} ${word}`))])),
      ignored > 0 && h("span", {}, link(hash({ ignored: "1", step: null }), h("b", {}, number(ignored, isLower)), " ignored")),
      stats?.countedFrom && h("span", {}, `counted from ${day(stats.countedFrom)}`));
  }

  // One customer: the way through the picture, and what happened to them in this journey.
  function drawWay() {
    const run = runOf();
    if (!drawn) return;
    if (!run) { drawn.way(null); return; }
    const moves = movesOf(person.entries, run), way = wayOf(layout, moves.length ? moves : [{ step: run.step, branch: null }], definition);
    drawn.way({ ...way, now: run.status === "active" ? run.step : null });
  }
  /**
   * Reads one customer again and again, with what is new in their timeline, also while a step is open beside the picture. The first reading has up to `MOST_PAGES`
   * pages of the timeline; the ones after it read back to the rows that are known.
   */
  function follow(customer) {
    const path = ["customers", customer, "timeline"];
    let rows = [], cursor = null, pages = MOST_PAGES, isMoved = false;
    const mine = person = { id: customer, runs: [], found: null, entries: [], isWhole: true, error: null, longer() { pages += MORE_PAGES; start(); }, again: start };
    const isShown = () => panel?.key === `customer:${customer}`; // a step that is open beside the picture is read with the picture
    const reaches = (run) => !cursor || (run && rows.at(-1)?.at < run.enteredAt);
    async function readNew(signal) {
      const fresh = [], newest = rows[0]?.at;
      let next = null;
      do {
        const page = await get(path, { limit: newest ? NEW_ROWS : ALL_ROWS, cursor: next }, signal);
        fresh.push(...page.items);
        next = page.next;
      } while (newest && next && !(fresh.at(-1)?.at < newest) && fresh.length < ALL_ROWS);
      if (newest && next && fresh.at(-1)?.at < newest) {
        const end = fresh.at(-1).at, known = new Set(fresh.map(nameOf));
        rows = [...fresh, ...rows.filter((each) => each.at <= end && !known.has(nameOf(each)))];
      } else [rows, cursor] = [fresh, next];
    }
    async function readPerson(signal) {
      const found = await get(["customers", customer], {}, signal);
      const runs = found.runs.filter((each) => each.journey === id), run = runs.find((each) => each.id === route.query.get("run")) ?? runs[0];
      await readNew(signal);
      for (; !reaches(run) && pages > 1; pages -= 1) {
        const page = await get(path, { limit: ALL_ROWS, cursor }, signal);
        rows = [...rows, ...page.items];
        cursor = page.next;
      }
      if (mine !== person) return false;
      const events = new Set(rows.filter((each) => each.journey === id && each.uuid).map((each) => each.uuid));
      const entries = rows.filter((each) => each.journey === id || (each.kind === "event" && events.has(each.uuid)));
      const before = wanted(), old = JSON.stringify([person.found, person.entries]);
      Object.assign(person, { found, entries, runs, isWhole: reaches(run), error: null });
      if (before !== wanted()) restart(); else if (layout) drawWay();
      if (!isShown()) return old !== JSON.stringify([found, entries]);
      panel.update();
      if (run && !isMoved && drawn) { isMoved = true; drawn.box(run.step)?.scrollIntoView({ block: "nearest", inline: "nearest" }); }
      return old !== JSON.stringify([found, entries]);
    }
    function start() {
      stopPerson();
      stopPerson = poll(readPerson, (error, seconds) => {
        if (error.status === 404) stopPerson();
        person.error = [error, seconds];
        if (isShown()) panel.update();
      });
    }
    start();
  }
  function openPerson(customer) {
    const top = h("section"), history = h("div"), foot = h("div", { class: "note" });
    let content = "";
    beside.element.classList.remove("detail");
    beside.open(`customer:${customer}`, h("span", {}, customer), top, history, foot);
    soon(top);
    function update() {
      const { found, entries, error } = person, run = runOf();
      if (error?.[0].status === 404) { put(top, h("p", {}, "There is no customer with this id. It may have been erased.")); return; }
      if (error) { put(foot, problem(error[0], h("div", { class: "soft" }, `What is shown is older. The page tries again in ${error[1]} s.`))); return; }
      const fresh = JSON.stringify([found, entries, run?.id, layout?.version, person.isWhole]);
      if (!found || (fresh === content && !foot.querySelector(".problem"))) return;
      content = fresh;
      put(beside.aside.querySelector("header h2"), link(to("customers", customer), String(found.primaryKey ?? found.correlationIds[0] ?? customer)));
      drawTop(top, run);
      renew(history, entries.length > 0 && timeline(entries));
      put(foot, !person.isWhole && [h("span", {}, "Older entries are not read yet. "), button("Look further back", () => person.longer())]);
    }
    const opened = { key: `customer:${customer}`, update, again() { update(); person.again(); } };
    panel = opened;
    update();
    return opened;
  }
  function drawTop(place, run) {
    const { found, runs, entries } = person, step = run && definition?.steps?.find?.((each) => each.id === run.step), next = step?.timeout?.next ?? step?.next;
    const since = entries.find((each) => each.kind === "move" && each.run === run?.id && (each.steps?.length || each.step))?.at;
    renew(place, run ? facts(
      [run.status === "active" ? "Stands in" : "Ended in", h("b", {}, run.step), since && [" since ", time(since, { always: true })], run.status !== "active" && [" ", pill(run.reason === "finished" ? "finished" : run.status)]], ["Why", run.reason && (REASONS[run.reason] ?? run.reason)],
      ["Due", run.due && [time(run.due, { always: true }), next && `, then ${next}`]], ["Held", run.hold && h("span", { class: "warn" }, run.hold === "paused" ? "by the pause of the journey" : "by quiet hours")],
      ["Entered", time(run.enteredAt, { always: true }), `, version ${run.version}`], ["Re-entry key", run.key],
      ["Attributes", Object.entries(found.attributes).map(([name, value], n) => [n > 0 && ", ", h("span", { class: "soft" }, name), ` ${typeof value === "string" ? value : JSON.stringify(value)}`])])
      : h("p", {}, "This customer has never entered this journey."),
    runs.length > 1 && h("div", { class: "soft" }, "Other entries: ", runs.filter((each) => each !== run).slice(0, 10).map((each, n) => [n > 0 && ", ", link(hash({ run: each.id, version: null }), time(each.enteredAt, { always: true }))])));
  }

  // One step: its numbers, an experiment's branches side by side, and who waits there.
  function openStep(step) {
    const top = h("section"), test = h("div"), people = h("ol", { class: "timeline", "aria-label": `Who waits in ${step}` }), foot = h("div", { class: "note" }), errors = h("div");
    let items = [], cursor = null, isPaged = false, content = "", tested = "";
    beside.element.classList.add("detail");
    beside.open(`step:${step}`, step, top, test, section("Who waits here", errors), people, foot);

    function drawPeople() {
      keyed(people, items, (each) => each.run, (each) => waiting(id, each));
      put(foot, items.length ? cursor && button("More", more) : "Nobody waits here now.");
    }
    async function readPeople() {
      if (isPaged) return;
      try {
        const body = await get(["journeys", id, "runs"], { step, limit: PEOPLE });
        if (panel?.key !== `step:${step}`) return;
        put(errors);
        [items, cursor] = [body.items, body.next];
        drawPeople();
      } catch (error) {
        put(errors, problem(error));
      }
    }
    async function more() {
      isPaged = true;
      await loading(foot, get(["journeys", id, "runs"], { step, cursor, limit: PEOPLE }), (body) => { [items, cursor] = [[...items, ...body.items].slice(-200), body.next]; drawPeople(); return [...foot.childNodes]; }, more);
    }
    /** Draws the choice of a goal once for a shape of the picture, so that a polled picture does not close it. */
    function drawTest() {
      const goals = behind(layout, step), chosen = route.query.get("goal") ?? goals.find((each) => layout.steps.find((one) => one.id === each)?.type === "waitUntil") ?? goals[0];
      const isTest = layout.steps.find((each) => each.id === step)?.type === "experiment" && goals.length > 0;
      const key = isTest ? JSON.stringify([shape.length, goals, chosen, route.query.get("branch"), layout.version]) : "";
      if (key === tested) { if (isTest) test.again(); return; }
      tested = key;
      if (!isTest) { put(test); return; }
      const branches = (goal) => (definition?.steps?.find?.((each) => each?.id === goal && each.type === "waitUntil")?.branches ?? []).map((each, n) => String(each.id ?? n + 1));
      const name = (goal, branch) => JSON.stringify([goal, branch]);
      const choice = h("select", { onchange: () => { const [goal, branch] = JSON.parse(choice.value); location.hash = hash({ goal, branch }); } },
        goals.map((goal) => [h("option", { value: name(goal, null) }, goal), branches(goal).map((branch) => h("option", { value: name(goal, branch) }, `${goal}, branch ${branch}`))]));
      // A wait is come to by nearly all; what tells branches apart is the first of its events.
      const branch = route.query.get("goal") ? route.query.get("branch") : branches(chosen)[0] ?? null;
      choice.value = name(chosen, branch);
      const result = h("div", { class: "result" });
      test.again = () => get(["journeys", id, "experiments", step], { goal: chosen, branch, version: layout.version }).then((answer) => { const text = JSON.stringify(answer); if (result.dataset.content !== text) put(result, compared(answer)); result.dataset.content = text; }, (error) => { result.dataset.content = ""; put(result, problem(error)); });
      put(test, section("Branches side by side", h("label", { class: "field" }, h("span", {}, "How many came to"), choice), result));
      test.again();
    }
    const update = () => {
      if (!layout) return;
      const found = layout.steps.find((each) => each.id === step), came = stats?.steps.find((each) => each.step === step)?.came, sent = (stats?.messages ?? []).filter((each) => each.step === step);
      const fresh = JSON.stringify([found, came, sent, stats?.isLowerBound]);
      if (fresh !== content) {
        content = fresh;
        renew(top, found ? facts(["Type", found.type], ["Does", does(definition?.steps?.find?.((each) => each?.id === step)) ?? inWords(found.label)], ["Here now", h("b", {}, number(found.here, found.hereAtLeast)), h("span", { class: "soft" }, " of all versions")], ["Came", stats && number(came ?? 0, stats.isLowerBound)],
          ["Messages", sent.length > 0 && sent.map((each, n) => [n > 0 && ", ", link(messagesOf({ step, status: each.status }), number(each.count, stats.messagesAreLowerBound), " ", status(each.status))])]) : h("p", {}, "This version has no such step."));
      }
      drawTest();
      readPeople();
    };
    const opened = { key: `step:${step}`, update, again: update };
    panel = opened;
    update();
    if (!layout) readPeople();
    return opened;
  }
  function openIgnored() {
    const list = h("div");
    beside.element.classList.add("detail");
    beside.open("ignored", "Events that changed nothing", list);
    let content = "";
    const update = () => {
      const fresh = JSON.stringify(stats?.ignored ?? []);
      if (fresh === content) return;
      content = fresh;
      put(list, (stats?.ignored ?? []).map((each) => section(null, h("b", {}, number(each.count, stats.isLowerBound)), " ", h("span", { class: "soft" }, each.reason), h("div", {}, REASONS[each.reason]))), section(null, h("p", { class: "soft" }, "Events tell for each journey why: open one and press “Why?”."), link("#/events", "Events")));
    };
    update();
    return { key: "ignored", update, again: update };
  }

  /** Opens what the address names beside the picture. A customer's way stays drawn while a step is open. */
  function openRoute() {
    const customer = route.query.get("customer"), step = route.query.get("step");
    const key = step ? `step:${step}` : customer ? `customer:${customer}` : route.query.get("ignored") ? "ignored" : null;
    if (person && person.id !== customer) { stopPerson(); person = null; }
    if (customer && !person) follow(customer);
    if (panel?.key !== key) {
      if (key?.startsWith("customer:")) panel = openPerson(customer);
      else if (key?.startsWith("step:")) panel = openStep(step);
      else if (key) panel = openIgnored();
      else { panel = null; beside.close(); }
    } else if (panel) panel.again();
    drawn?.choose(step);
    drawn?.relink();
    drawWay();
  }
  const restart = () => {
    stopReading();
    stopReading = poll(read, (error, seconds) => {
      if (error.status === 422 && !layout) {
        stopReading();
        put(scroll, h("div", { class: "empty" }, h("h2", {}, "This version cannot be drawn yet"), h("ul", {}, error.problems.map((each) => h("li", {}, each.detail, " ", h("code", { class: "soft" }, each.pointer)))), link(to("journeys", id, "definition"), "Open its definition")));
        return;
      }
      if (!layout) put(scroll);
      put(failed, problem(error, h("div", { class: "soft" }, `${layout ? "What is shown is older. " : ""}The page tries again in ${seconds} s.`)));
    }, { every: EVERY });
  };
  const onClock = () => { restart(); person?.again(); if (!person || route.query.get("step")) panel?.again(); };
  window.addEventListener("clock", onClock);
  drawVersions();
  restart();
  openRoute();
  return {
    update(next) {
      const before = JSON.stringify([wanted(), route.query.get("days")]);
      route = next;
      openRoute();
      if (before !== JSON.stringify([wanted(), route.query.get("days")])) { stats = null; restart(); }
      drawVersions();
      return true;
    },
    /** The journey has changed: a new version may be the one that is shown. */
    changed(now) {
      const before = wanted();
      journey = now;
      drawVersions();
      if (before !== wanted()) restart();
    },
    leave() { stopReading(); stopPerson(); window.removeEventListener("clock", onClock); },
  };
}
