// Settings: keys, the workspace's settings, the schema, the secret of webhooks, and suppressed addresses.
import { ApiError, call, get, problem } from "./api.js";
import { dialog, field } from "./dialog.js";
import { button, copyButton, facts, h, put, section, time, to } from "./dom.js";
import { paged } from "./paged.js";
import { loading, table } from "./table.js";

const SCOPES = [["admin", "everything, this page too"], ["events", "sending events only: for apps and backends"]];
const SECTIONS = [["keys", "Keys", showKeys], ["workspace", "Workspace", showWorkspace], ["schema", "Schema", showSchema], ["webhooks", "Webhook secret", showSecret], ["suppressions", "Suppressions", showSuppressions]];
const body = (...content) => h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Settings" }, h("div", { class: "form" }, content));

function showKeys(place) {
  const failed = h("div", { class: "failed" });
  const list = table({
    label: "Keys", key: (each) => each.id, open: () => null,
    columns: [{ name: "Begins with", class: "w-time" }, { name: "Name", class: "w-name" }, { name: "Scopes", class: "w-who" }, { name: "Last used" }, { name: "Expires", class: "w-time" }, { name: "", class: "w-word" }],
    cells: (each) => [h("code", {}, each.prefix), each.name || h("i", { class: "soft" }, "no name"), each.scopes.join(", "), each.lastUsedOn ?? h("span", { class: "soft" }, "never"), each.expiresAt ? time(each.expiresAt, { always: true }) : "",
      button("Revoke…", () => revoke(each), { class: "danger small", "aria-label": `Revoke the key ${each.name || each.prefix}` })],
  });
  const keys = paged({ list, failed, path: ["keys"], key: (each) => each.id, query: () => ({}), empty: () => h("p", {}, "There are no keys.") });
  async function revoke(each) {
    const isDone = await dialog({ title: `Revoke the key ${each.name || each.prefix}?`, label: "Revoke it", danger: true, action: () => call("DELETE", ["keys", each.id]), content: h("p", {}, `It begins with ${each.prefix} and was ${each.lastUsedOn ? `last used on ${each.lastUsedOn}` : "never used"}. Within 60 seconds it stops working everywhere. If it is the key of this page, the page asks for another one.`) });
    if (isDone) keys.restart();
  }
  async function add() {
    const name = h("input", { type: "text" }), scope = h("select", {}, SCOPES.map(([value, text]) => h("option", { value }, `${value}: ${text}`)));
    scope.value = "events";
    const created = await dialog({ title: "New key", label: "Create it", content: [field("Name", name), field("Scope", scope)], action: async () => (await call("POST", ["keys"], { body: { name: name.value, scopes: [scope.value] } })).body });
    if (!created) return;
    keys.restart();
    await dialog({ title: "The new key", content: [h("p", {}, "It is shown this once. Keep it where your backend keeps its secrets."), h("pre", { class: "block", tabindex: 0 }, created.key), copyButton("Copy", () => created.key)] });
  }
  put(place, h("div", {}, h("div", { class: "head" }, button("New key…", add, { class: "primary" })), failed), list.element);
  keys.start();
  return keys.stop;
}

/**
 * A JSON document of the API that is edited as a whole. What was typed is kept in this tab until it is saved: errors are shown beside it. `load` reads `{ body, etag }`, `save(text, etag)` writes
 * the text as it is, and returns the same.
 */
function documentForm(place, { name, label, note, load, save }) {
  const draft = `waypost-draft-of/${name}`;
  const failed = h("div", { role: "status" });
  const text = h("textarea", { rows: 24, spellcheck: "false", "aria-label": label, oninput: keep });
  let etag = null, stored = "", isSaving = false;
  /** What is typed survives a reload, another page and a refused key. The text that it began with is kept beside it. */
  function keep() {
    try {
      if (text.value === stored) sessionStorage.removeItem(draft); else sessionStorage.setItem(draft, JSON.stringify({ text: text.value, stored, etag }));
    } catch { /* the tab is full: the text is still in the form */ }
  }
  const fill = (answer) => { etag = answer.etag; stored = JSON.stringify(answer.body, null, 2); text.value = stored; keep(); };
  async function write() {
    if (isSaving) return;
    const sent = text.value;
    try { JSON.parse(sent); } catch (error) { put(failed, problem(new ApiError(0, "not-json", `This is no JSON: ${error.message}`))); return; }
    isSaving = true;
    try {
      const answer = await save(sent, etag), now = text.value;
      fill(answer);
      if (now !== sent) { text.value = now; keep(); } // typed while it was saved
      put(failed, h("p", { class: "good" }, "Saved."));
    } catch (error) {
      put(failed, error.status === 412
        ? h("div", { class: "problem", role: "alert" }, h("b", {}, "Another person has saved since you opened this."), h("p", {}, "Your text is still here. Copy what you need of it, then take the saved one."), button("Take the saved one", reload))
        : problem(error));
    } finally {
      isSaving = false;
    }
  }
  async function reload() { try { fill(await load()); put(failed); } catch (error) { put(failed, problem(error, button("Try again", reload))); } }
  const content = h("div", { class: "form" });
  put(place, h("div"), h("div", { class: "scroll" }, content));
  const open = () => loading(content, load(), (answer) => {
    const kept = JSON.parse(sessionStorage.getItem(draft) ?? "null");
    fill(answer);
    if (kept) {
      text.value = kept.text;
      // The tag of the text that was changed: saving over what somebody else has saved since is refused.
      if (kept.stored !== stored) etag = kept.etag;
      keep();
      put(failed, h("p", { class: "soft" }, "What you had not saved is here again."));
    }
    return [note, text, failed, h("div", { class: "actions" }, button("Save", write, { class: "primary" }), button("Discard changes", () => { text.value = stored; keep(); put(failed); }))];
  }, open);
  open();
  const warn = (event) => { if (text.value !== stored) event.preventDefault(); };
  window.addEventListener("beforeunload", warn);
  return () => window.removeEventListener("beforeunload", warn);
}

function showWorkspace(place) {
  return documentForm(place, {
    name: "settings", label: "The settings as JSON", note: h("p", { class: "soft" }, "senders, topics, caps, testAddresses, addressAttributes, sending, and the look of the page behind links. emailAccount is read only. They act within 10 seconds."),
    load: () => call("GET", ["settings"]), save: (body, etag) => call("PUT", ["settings"], { body, headers: etag ? { "If-Match": etag } : {} }),
  });
}

function showSchema(place) {
  return documentForm(place, {
    name: "schema", label: "The schema as JSON", note: h("p", { class: "soft" }, "The primary key, the types of attributes, and the time zone. The primary key stays once a customer has one."),
    load: () => call("GET", ["schema"]), save: (body, etag) => call("PUT", ["schema"], { body, headers: { "If-Match": etag } }),
  });
}

function showSecret(place) {
  const content = h("div");
  const hidden = (secret) => {
    const shown = h("code", {}, `${secret.slice(0, 8)}…`);
    return [shown, " ", button("Show", (event) => { shown.textContent = secret; event.currentTarget.remove(); }), " ", copyButton("Copy", () => secret)];
  };
  const draw = (answer) => section("The secret that signs webhooks", facts(["Secret", hidden(answer.secret)], ["Before", answer.previous && hidden(answer.previous)], ["Since", time(answer.rotatedAt, { always: true })]),
    answer.previous && h("p", { class: "soft" }, "For a day after a rotation both sign, so that receivers can change over."),
    h("div", { class: "actions" }, button("Rotate…", rotate, { class: "danger" })));
  async function rotate() {
    const done = await dialog({ title: "Rotate the secret?", label: "Rotate it", danger: true, content: h("p", {}, "A new secret signs from now on. The present one signs beside it for 24 hours; after that, receivers that know only the old one refuse webhooks."), action: async () => (await call("POST", ["webhooks", "secret"])).body });
    if (done) put(content, draw(done));
  }
  const open = () => loading(content, get(["webhooks", "secret"]), draw, open);
  put(place, h("div"), body(content));
  open();
  return () => {};
}

function showSuppressions(place) {
  const failed = h("div", { class: "failed" });
  // The API finds an address on a channel only: without an address, the channel filters nothing.
  const channel = h("select", { "aria-label": "Channel of the address", disabled: true, onchange: () => list.restart() }, ["email", "sms", "webhook"].map((each) => h("option", { value: each }, each)));
  const address = h("input", { type: "search", placeholder: "Address", "aria-label": "Only this address", oninput: () => { channel.disabled = !address.value.trim(); }, onchange: () => list.restart() });
  const rows = table({
    label: "Suppressed addresses", key: (each) => `${each.channel} ${each.address} ${each.since} ${each.message}`, open: (each) => each.message && to("messages", each.message),
    columns: [{ name: "Since", class: "w-time" }, { name: "Address", class: "w-name" }, { name: "Channel", class: "w-src" }, { name: "Reason" }, { name: "Source" }, { name: "", class: "w-word" }],
    cells: (each) => [each.since ? time(each.since, { always: true }) : "", each.address ?? h("i", { class: "soft" }, "kept as a hash only"), each.channel, each.reason, each.source,
      each.address && button("Lift…", () => lift(each), { class: "small", "aria-label": `Lift the suppression of ${each.address}` })],
  });
  const list = paged({
    // Nothing tells apart two addresses that are kept as hashes only, so that no two of them are taken for one.
    list: rows, failed, path: ["suppressions"], key: (each) => each.address || each.message ? `${each.channel} ${each.address} ${each.message}` : Symbol(each.channel), query: () => address.value.trim() ? { channel: channel.value, address: address.value.trim() } : {},
    empty: () => [h("h2", {}, "No address is suppressed."), h("p", {}, "Addresses that bounce for good or complain, and endpoints that are gone, get no more messages and are listed here.")],
  });
  async function lift(each) {
    const provider = h("input", { type: "checkbox" });
    const done = await dialog({ title: `Let ${each.address} get messages again?`, label: "Lift it", action: () => call("DELETE", ["suppressions"], { body: { channel: each.channel, address: each.address, provider: provider.checked } }),
      content: [h("p", {}, `It is suppressed because of ${each.reason}.`), each.channel === "email" && h("label", { class: "check" }, provider, " Remove it from the list of SES too, which all workspaces share")] });
    if (done) list.restart();
  }
  async function add() {
    const to = h("input", { type: "text" }), by = h("select", {}, ["email", "sms", "webhook"].map((each) => h("option", { value: each }, each)));
    const done = await dialog({ title: "Suppress an address", label: "Suppress it", content: [field("Channel", by), field("Address", to)], action: () => call("POST", ["suppressions"], { body: { items: [{ channel: by.value, address: to.value.trim() }] } }) });
    if (done) list.restart();
  }
  put(place, h("div", {}, h("div", { class: "head" }, address, channel, h("span", { class: "push" }), button("Suppress…", add)), failed), rows.element);
  list.start();
  return list.stop;
}

export function show(place, route) {
  const name = route.parts[0] ?? "keys";
  const [, , open] = SECTIONS.find(([each]) => each === name) ?? SECTIONS[0];
  const content = h("div", { class: "page" });
  put(place, h("div", {}, h("div", { class: "head" }, h("h1", {}, "Settings")), h("nav", { class: "tabs", "aria-label": "Settings" }, SECTIONS.map(([each, title]) => h("a", { href: to("settings", each), "aria-current": each === name && "page" }, title)))), content);
  const leave = open(content);
  return { update: () => false, leave };
}
