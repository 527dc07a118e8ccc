// The definition of a journey as JSON: written, checked, saved and published. What is not saved yet is kept in this tab.
import { call, get, problem } from "./api.js";
import { dialog } from "./dialog.js";
import { differenceList, pretty } from "./diff.js";
import { button, h, number, plural, put, time } from "./dom.js";
import { draw } from "./drawing.js";
import { editor } from "./editor.js";
import { find, parse } from "./json_positions.js";

const PAUSE = 500; // milliseconds without a key until the text is checked
const MOST_FINDINGS = 200;
const DRAFTS = "waypost-draft";

// The time of creation tells apart two journeys that have the same id, in two workspaces or one after the other.
const prefixOf = (journey) => `${DRAFTS}/${journey.id}/${journey.createdAt}/`;
const namesOf = (journey) => Object.keys(sessionStorage).filter((each) => each.startsWith(prefixOf(journey)));
/** What this tab keeps of a journey and is not saved: `{ version, text }`, with the version that was changed; or null. */
export function draftOf(journey) {
  const versions = namesOf(journey).map((each) => Number(each.slice(prefixOf(journey).length)));
  const version = Math.max(...versions);
  return versions.length ? { version, text: sessionStorage.getItem(prefixOf(journey) + version) } : null;
}
const forgetDrafts = (journey) => { for (const each of namesOf(journey)) sessionStorage.removeItem(each); };

export function show(place, context) {
  const { id } = context;
  let base = { journey: context.journey, version: context.journey.version, etag: context.etag, text: pretty(context.journey.definition) };
  let other = null; // what another user has saved since: { journey, etag }
  let findings = [], schema = null, timer = null, checking = null, picture = null, isSaving = false, isGone = false;

  const said = h("span", { class: "soft", role: "status" });
  const failed = h("div", { class: "failed" }), notice = h("div"), list = h("ol", { class: "findings" }), sum = h("h2", { role: "status" });
  const drawing = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Picture of the definition" });
  const isOld = h("p", { class: "note old", hidden: true }, "The text has no picture yet; this one is older.");
  const text = editor({ label: "Definition as JSON", onInput: changed, schema: () => schema });
  text.area.addEventListener("keydown", (event) => { if (event.key === "s" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); if (!save.disabled) saveText(); } });
  const save = button("Save", () => saveText(), { class: "primary", title: "Ctrl-S" });
  const publish = button("Publish…", publishSaved);
  put(place, h("div", { class: "define" },
    h("div", { class: "write" },
      h("div", { class: "head" }, button("Check", () => check(true)), save, publish, said),
      failed, notice, text.element, h("section", { class: "found", "aria-label": "Findings" }, h("div", {}, sum, h("span", { class: "soft keys" }, h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Space"), " proposes what fits")), list)),
    h("div", { class: "drawn" }, isOld, drawing)));

  const isDirty = () => text.value !== base.text;
  function describe() {
    const isStopped = base.journey.status === "stopped";
    const isPublished = base.journey.publishedVersion === base.journey.version;
    save.disabled = isSaving || isStopped || !isDirty();
    publish.disabled = isSaving || isStopped || isPublished || other !== null;
    const state = isStopped ? "The journey is stopped; it takes no new version." : isSaving ? "saving…"
      : isDirty() ? `changed since version ${base.version}, kept in this tab` : `version ${base.version}${isPublished ? ", published" : ", not published"}`;
    if (said.textContent !== state) said.textContent = state;
  }
  function keepDraft() {
    try {
      if (isDirty()) sessionStorage.setItem(prefixOf(base.journey) + base.version, text.value);
      else if (!other) forgetDrafts(base.journey);
    } catch {
      put(failed, h("div", { class: "problem", role: "alert" }, h("b", {}, "The browser keeps no more text for this tab. Save it before you leave.")));
    }
  }
  function changed() {
    keepDraft();
    describe();
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE);
  }

  /** Reads the text as JSON, and has it checked by the API. The picture is drawn from the answer; one that cannot be drawn leaves the old picture. */
  async function check(isAsked = false) {
    clearTimeout(timer);
    checking?.abort();
    const { error } = parse(text.value);
    if (error) return showFindings([{ code: "not-json", detail: error.detail, from: error.at, to: error.at }]);
    const mine = checking = new AbortController();
    try {
      const { body } = await call("POST", ["journeys", id, "check"], { body: text.value, signal: mine.signal });
      if (mine.signal.aborted) return undefined;
      put(failed);
      const warnings = isDirty() ? [] : base.journey.warnings ?? [];
      showFindings([...body.errors, ...warnings.map((each) => ({ ...each, isWarning: true }))]);
      if (body.picture) drawPicture(body.picture);
      else isOld.hidden = !picture;
      if (isAsked && body.errors.length) select(findings[0]);
    } catch (problemOfCheck) {
      if (!mine.signal.aborted) put(failed, problem(problemOfCheck, h("div", { class: "soft" }, "The text is kept. It is checked again after the next change.")));
    }
    return undefined;
  }
  /** The finding with the place of its pointer in the text. */
  function placed(each, root) {
    const { key, value } = find(root, each.pointer ?? "");
    const isName = key && each.code === "unknown-field";
    const isLeaf = value.kind === "string" || value.kind === "word";
    const node = isName ? key : value;
    const inner = node.kind === "string" ? 1 : 0; // between the quotes
    return { ...each, from: node.start + inner, to: isName || isLeaf ? node.end - inner : node.start };
  }
  function showFindings(found) {
    const { root } = parse(text.value);
    findings = found.map((each) => each.pointer === undefined ? each : placed(each, root)).sort((a, b) => a.from - b.from);
    const shown = findings.slice(0, MOST_FINDINGS), errors = findings.filter((each) => !each.isWarning).length;
    text.mark(shown);
    const total = !findings.length ? "Nothing was found: this can be published." : [errors && plural(errors, "finding"), findings.length > errors && plural(findings.length - errors, "warning")].filter(Boolean).join(", ");
    if (sum.textContent !== total) sum.textContent = total;
    put(list, shown.map((each) => h("li", {}, button([h("span", { class: each.isWarning ? "warn" : "bad" }, `line ${text.lineOf(each.from) + 1}`), h("span", {}, each.isWarning && "warning: ", each.detail), h("code", { class: "soft" }, each.code)], () => select(each)))));
    markPicture();
  }
  const select = (each) => text.select(each.from, each.to);

  function drawPicture(geometry) {
    isOld.hidden = true;
    const entry = find(parse(text.value).root, "/entry/event").value.value;
    if (picture && JSON.stringify(picture.geometry) === JSON.stringify(geometry) && picture.entry === entry) return;
    const { scrollLeft, scrollTop } = drawing;
    picture = { ...draw(geometry, { label: "Steps", entry: typeof entry === "string" ? entry : "", onStep: toStep }) };
    picture.entry = entry;
    put(drawing, picture.element);
    drawing.scrollTo(scrollLeft, scrollTop);
    markPicture();
  }
  const stepNodes = () => find(parse(text.value).root, "/steps").value.items ?? [];
  function markPicture() {
    const steps = stepNodes(), marks = new Map();
    for (const each of findings) {
      const step = steps[/^\/steps\/(\d+)/.exec(each.pointer)?.[1]], name = step && find(step, "/id").value.value;
      if (name) marks.set(name, each.isWarning ? ["warn", "warning"] : ["bad", "finding"]);
    }
    picture?.mark(marks);
  }
  function toStep(name) {
    const found = stepNodes().map((each) => find(each, "/id").value).find((each) => each.value === name);
    if (found) text.select(found.start + 1, found.end - 1);
  }

  /** Saves the text as a new version, unless another user has saved one since. */
  async function saveText(isRepeated = false) {
    if (isSaving) return undefined;
    if (other) return showOther();
    const { error } = parse(text.value), sent = text.value;
    if (error) { await check(); return select(findings[0]); }
    isSaving = true;
    describe();
    put(failed);
    try {
      const answer = await call("PUT", ["journeys", id], { body: sent, headers: base.etag ? { "If-Match": base.etag } : {} });
      isSaving = false;
      forgetDrafts(base.journey);
      base = { journey: answer.body, version: answer.body.version, etag: answer.etag, text: sent };
      put(notice);
      keepDraft();
      context.reload();
      check();
    } catch (problemOfSave) {
      isSaving = false;
      if (problemOfSave.status === 412) await compare(isRepeated);
      else {
        if (problemOfSave.problems?.length) showFindings(problemOfSave.problems);
        put(failed, problem(problemOfSave, h("div", { class: "soft" }, "Nothing is lost: the text is kept in this tab.")));
      }
    }
    return describe();
  }
  /** After a 412: reads what is saved now. Where only the status has changed, the text may be saved over it. */
  async function compare(isRepeated) {
    try {
      const { body, etag } = await call("GET", ["journeys", id]);
      if (body.version === base.version && !isRepeated) {
        base = { ...base, journey: body, etag };
        return saveText(true);
      }
      other = { journey: body, etag };
      return showOther();
    } catch (problemOfRead) {
      return put(failed, problem(problemOfRead, h("div", { class: "soft" }, "The journey was changed meanwhile. Nothing is lost: the text is kept in this tab.")));
    }
  }
  function showOther(isFocused = true) {
    const { journey } = other, theirs = pretty(journey.definition);
    const accept = () => { base = { journey, version: journey.version, etag: other.etag, text: theirs }; other = null; put(notice); };
    put(notice, h("section", { class: "other", "aria-labelledby": "other" },
      h("h2", { id: "other", tabindex: -1 }, `Another user has saved version ${journey.version}`), h("p", {}, "It was saved ", time(journey.updatedAt, { always: true }), `, after you began with version ${base.version}. Your text is kept.`),
      h("div", { class: "actions" },
        isDirty() && button(`Save mine as version ${journey.version + 1}`, () => { accept(); forgetDrafts(base.journey); keepDraft(); saveText(); }),
        button(`Take version ${journey.version}`, () => { accept(); forgetDrafts(base.journey); text.replace(theirs); changed(); put(notice, h("p", { class: "note" }, "Your text comes back with ", h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Z"), ".")); }),
        button("Keep writing", () => { put(notice); text.area.focus(); })),
      differenceList(theirs, text.value, [`only in ${journey.version}`, "only in yours"])));
    if (isFocused) notice.querySelector("h2").focus();
  }

  /** Publishes what was saved last. The status is read first: a pause since then is no reason to refuse, another version is. */
  async function publishSaved() {
    put(failed);
    let counts = null;
    try {
      const [now, counted] = await Promise.all([call("GET", ["journeys", id]), base.journey.publishedVersion && get(["journeys", id, "picture"], { counts: true }).catch(() => null)]);
      adopt(now.body, now.etag);
      counts = counted;
    } catch (problemOfRead) {
      return put(failed, problem(problemOfRead));
    }
    if (other) return showOther();
    const { journey, etag } = base, before = journey.publishedVersion;
    const here = counts?.steps.reduce((all, each) => all + (each.here ?? 0), counts.held ?? 0), isLowerBound = counts?.heldAtLeast || counts?.steps.some((each) => each.hereAtLeast);
    const done = await dialog({
      title: `Publish version ${journey.version} of ${journey.name || id}`, label: `Publish version ${journey.version}`,
      content: [h("p", {}, before === null ? "Customers enter the journey from then on." : `Customers enter version ${journey.version} in place of version ${before} from then on.`),
        here > 0 && h("p", {}, `${number(here, isLowerBound)} ${here === 1 ? "run goes" : "runs go"} on in the version in which they began.`),
        isDirty() && h("p", { class: "warn" }, `What you have changed since version ${base.version} is not saved, and is not published.`)],
      action: () => call("POST", ["journeys", id, "publish"], { headers: etag ? { "If-Match": etag } : {} }),
    });
    if (!done || isGone) return undefined;
    base = { ...base, journey: done.body, etag: done.etag };
    describe();
    return context.reload();
  }

  /** Takes what the API says about the journey now. A version of another user is kept beside the text until the person decides. */
  function adopt(journey, etag) {
    if (isSaving || journey.version < base.version) return;
    if (journey.version > base.version) other = { journey, etag };
    else base = { ...base, journey, etag };
    describe();
  }
  function changedElsewhere(journey, etag) {
    const known = other?.journey.version;
    adopt(journey, etag);
    if (other && other.journey.version !== known) showOther(false);
  }

  function toRoute(route) {
    const step = route.query.get("step");
    if (step) toStep(step);
    return true;
  }

  const draft = draftOf(base.journey), isDraft = draft !== null && draft.text !== base.text;
  text.start(isDraft ? draft.text : base.text);
  if (isDraft && draft.version !== base.version) {
    other = { journey: base.journey, etag: base.etag };
    base = { ...base, version: draft.version };
    showOther();
  } else if (isDraft) {
    put(notice, h("p", { class: "note" }, "What you had not saved is here again. ", button("Discard it", () => { text.replace(base.text); put(notice); })));
  }
  describe();
  get(["journeys", "schema"]).then((found) => { schema = found; }, () => {}); // without it nothing is proposed, and everything else works
  check();
  toRoute(context.route);
  return { update: toRoute, changed: changedElsewhere, leave() { isGone = true; clearTimeout(timer); checking?.abort(); } };
}
