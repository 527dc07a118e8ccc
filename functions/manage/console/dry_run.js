// A dry run: what a journey would do with a customer and some events. The API sends and stores nothing for it.
import { ApiError, call, get } from "./api.js";
import { draftOf } from "./definition.js";
import { field } from "./dialog.js";
import { button, day, h, json, number, put, section, time } from "./dom.js";
import { draw, wayOf } from "./drawing.js";
import { parseJson } from "./exact.js";
import { MOST_ROWS, loading, segments } from "./table.js";
import { why, whyNotSent } from "./words.js";

const FORMS = "waypost-dry-run"; // the form of each journey, kept in this tab
const EXAMPLE = { primaryKey: "ada@example.com", attributes: '{"first_name": "Ada"}' };
const STATUSES = ["delivered", "bounced", "opened", "clicked", "unsubscribed", "failed"];
const forInput = (at) => new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);

/** The elements of a list. The text of an editor may have anything where a list belongs. */
const list = (each) => (Array.isArray(each) ? each : []);
/** The names of the events that a definition waits for, for the person to choose from. */
function eventNames(definition) {
  const names = new Set();
  const look = (each) => {
    if (each === null || typeof each !== "object") return;
    if (typeof each.event === "string") names.add(each.event);
    Object.values(each).forEach(look);
  };
  const steps = list(definition?.steps);
  look([definition?.entry, definition?.exit, ...steps.filter((each) => each?.type === "waitUntil")]);
  for (const branch of steps.flatMap((each) => list(each?.branches))) for (const each of [...list(branch?.any), ...list(branch?.all)]) if (typeof each === "string") names.add(each);
  return [...names];
}
function jsonOf(text, name) {
  try { return parseJson(text.trim() || "{}"); } catch (error) { throw new ApiError(0, "not-json", `${name} must be JSON: ${error.message}`); }
}
function timeOf(text, name) {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) throw new ApiError(0, "bad-time", `${name} needs a time.`);
  return at.toISOString();
}

export function show(place, context) {
  const { id } = context, name = `${FORMS}/${id}`;
  let { journey } = context;
  const draft = draftOf(journey);
  let unsaved = null;
  try { unsaved = draft && parseJson(draft.text); } catch { /* a text that is no JSON cannot be run; the saved version can */ }
  const definition = () => (form.isUnsaved && unsaved ? unsaved : journey.definition);
  const fresh = () => ({ isUnsaved: unsaved !== null, primaryKey: "", since: "", ...EXAMPLE, inputs: [{ kind: "event", name: journey.definition?.entry?.event ?? "", at: forInput(Date.now()), payload: "{}" }] });
  let form = { ...fresh(), ...JSON.parse(sessionStorage.getItem(name) ?? "null") }, picture = null, isRunning = false;
  const keep = () => sessionStorage.setItem(name, JSON.stringify(form));

  const drawing = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Picture of the dry run" });
  const fields = h("section"), result = h("div"), failed = h("div");
  put(place, h("div", { class: "split dry" }, drawing, h("aside", { "aria-label": "Dry run" }, fields, failed, result)));

  /** An input that writes into the form. */
  const bound = (tag, object, key, properties) => {
    const element = h(tag, { ...properties, oninput: () => { object[key] = element.value; keep(); } });
    element.value = object[key] ?? "";
    return element;
  };
  function drawForm() {
    const steps = list(definition()?.steps), messages = steps.filter((each) => each?.type === "message").map((each) => each.id);
    const change = (values) => { Object.assign(form, values); keep(); drawForm(); };
    const add = (input) => { form.inputs.push({ at: form.inputs.at(-1)?.at ?? forInput(Date.now()), payload: "{}", ...input }); change({}); fields.querySelector("fieldset:last-of-type input, fieldset:last-of-type select")?.focus(); };
    const option = (value, chosen) => h("option", { value, selected: value === chosen }, value);
    const inputs = form.inputs.map((each, n) => h("fieldset", {}, h("legend", {}, each.kind === "event" ? `Event ${n + 1}` : `Report ${n + 1}`),
      each.kind === "event" ? field("Name", bound("input", each, "name", { type: "text", list: "names", spellcheck: "false", autocomplete: "off" })) : [
        field("Message", h("select", { onchange: (event) => { each.message = event.target.value; keep(); } }, messages.map((message) => option(message, each.message)))),
        field("Becomes", h("select", { onchange: (event) => { each.status = event.target.value; keep(); } }, STATUSES.map((status) => option(status, each.status))))],
      field("Time", bound("input", each, "at", { type: "datetime-local" })),
      each.kind === "event" && h("div", { class: "wide" }, field("Payload", bound("textarea", each, "payload", { rows: 2, spellcheck: "false" }))),
      button("✕", () => { form.inputs.splice(n, 1); change({}); }, { "aria-label": `Remove ${each.kind} ${n + 1}` })));
    put(fields, h("h2", {}, "What is tried"),
      unsaved && segments("Which definition", [["true", "What you have not saved"], ["false", `Version ${journey.version}`]], form.isUnsaved, (value) => { change({ isUnsaved: value === "true" }); drawPicture(); }),
      field("Primary key", bound("input", form, "primaryKey", { type: "text", autocomplete: "off", spellcheck: "false" }), "A customer of the workspace, or, if none has it, one that has nothing else."),
      field("Attributes", bound("textarea", form, "attributes", { rows: 2, spellcheck: "false" }), "Over those that are stored."),
      field("With the customer's events since", bound("input", form, "since", { type: "datetime-local" }), "Empty: only what follows here."),
      h("datalist", { id: "names" }, eventNames(definition()).map((each) => h("option", { value: each }))),
      inputs,
      h("div", { class: "actions" }, button("Run", run, { class: "primary" }), button("Add an event", () => add({ kind: "event", name: "" })), messages.length > 0 && button("Add a report", () => add({ kind: "report", message: messages[0], status: STATUSES[0] })),
        button("Start anew", () => { form = fresh(); put(result); put(failed); picture?.way(null); change({}); })));
  }
  function request() {
    const inputs = form.inputs.map((each, n) => (each.kind === "event"
      ? { event: each.name, at: timeOf(each.at, `Event ${n + 1}`), payload: jsonOf(each.payload, `The payload of event ${n + 1}`) } : { message: each.message, status: each.status, at: timeOf(each.at, `Report ${n + 1}`) }));
    return {
      customer: { primaryKey: form.primaryKey || null, attributes: jsonOf(form.attributes, "The attributes") }, events: inputs,
      ...(form.since && { recorded: { since: timeOf(form.since, "The beginning of the recorded events") } }), ...(form.isUnsaved && unsaved && { definition: unsaved }),
    };
  }
  async function run() {
    if (isRunning) return;
    isRunning = true;
    const send = async () => (await call("POST", ["journeys", id, "simulate"], { body: request() })).body;
    await loading(failed, send(), (answer) => { drawResult(answer); return null; }, run);
    isRunning = false;
  }

  function drawResult(answer) {
    const runs = [...new Set(answer.moves.map((each) => each.run))];
    const chooseRun = (chosen) => picture?.way(chosen ? wayOf(picture.geometry, answer.moves.filter((each) => each.run === chosen), definition()) : null);
    const heading = h("h2", { tabindex: -1 }, "What would happen");
    // A message stands behind the move to its step, though both have the same time.
    const moves = answer.moves.map((each, n) => ({ ...each, n, kind: "move" }));
    const messages = answer.messages.map((each) => ({ ...each, n: moves.findLastIndex((move) => move.step === each.step && move.at <= each.at) + 0.5, kind: "message" }));
    const entries = [...moves, ...messages].sort((a, b) => a.at.localeCompare(b.at) || a.n - b.n), more = entries.splice(MOST_ROWS).length;
    let shownDay = null;
    put(result, h("section", { class: "bare" }, heading, runs.length > 1 && segments("Which run is drawn", runs.map((each, n) => [each, `Run ${n + 1}`]), runs[0], chooseRun),
      !runs.length && h("p", { class: "soft" }, "No run begins.")),
    h("ol", { class: "timeline", "aria-label": "Moves and messages" }, entries.map((each) => {
      const today = day(each.at), isNew = today !== shownDay;
      shownDay = today;
      return [isNew && h("li", {}, h("h3", {}, today)), h("li", { class: `entry ${each.kind}` }, clock(each.at), each.kind === "move"
        ? h("div", {}, ENDS.has(each.reason) ? "ends in " : "→ ", h("b", {}, each.step), runs.length > 1 && h("span", { class: "soft" }, ` run ${runs.indexOf(each.run) + 1}`), each.branch && h("span", {}, ` branch ${each.branch}`), h("div", { class: "soft" }, why(each.reason)))
        : messageOf(each))];
    })),
    more > 0 && h("p", { class: "note" }, `${number(more)} more are not shown.`),
    answer.ignored.length > 0 && section("What changes nothing", h("ol", { class: "plain" }, answer.ignored.map((each) => h("li", {}, time(each.at, { always: true }), " ", h("b", {}, each.event ?? `report on ${each.message}`), h("div", { class: "soft" }, why(each.reason)))))),
    answer.warnings.length > 0 && section("What looks like a mistake", h("ul", { class: "plain" }, answer.warnings.map((each) => h("li", { class: "warn" }, each.detail)))));
    chooseRun(runs[0]);
    heading.focus({ preventScroll: true });
    heading.parentElement.scrollIntoView({ block: "start" });
  }
  function messageOf(each) {
    const { subject, text, html, ...rest } = each.rendered ?? {};
    return h("div", {}, h("span", {}, `${each.channel} `), subject && h("b", {}, subject), each.reason ? h("div", { class: "warn" }, `not sent: ${whyNotSent(each.reason)}`) : null,
      each.missing.length > 0 && h("div", { class: "warn" }, `no value for ${each.missing.join(", ")}`),
      text && h("pre", { class: "block" }, text), html && h("details", {}, h("summary", {}, "HTML"), h("pre", { class: "block" }, html)),
      Object.keys(rest).length > 0 && h("details", {}, h("summary", {}, each.channel === "webhook" ? "Request" : "Addresses and headers"), json(rest, "The rendered message")));
  }

  async function drawPicture() {
    const wanted = definition();
    const read = wanted === unsaved ? call("POST", ["journeys", id, "check"], { body: wanted }).then(({ body }) => body.picture) : get(["journeys", id, "picture"]);
    await loading(drawing, read, (geometry) => {
      if (!geometry) return h("p", { class: "note" }, "This definition cannot be drawn yet.");
      picture = draw(geometry, { entry: wanted?.entry?.event ?? "" });
      return picture.element;
    }, drawPicture);
  }

  drawForm();
  drawPicture();
  return {
    update: () => true,
    changed(next) { const isNew = next.version !== journey.version; journey = next; if (isNew && !form.isUnsaved) drawPicture(); },
    leave() {},
  };
}

const ENDS = new Set(["finished", "exit-event", "window-over", "merged", "stopped", "loop", "too-many-messages"]);
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const clock = (iso) => h("time", { datetime: iso, title: `${iso.replace("T", " ").replace("Z", "")} UTC` }, CLOCK.format(new Date(iso)));
