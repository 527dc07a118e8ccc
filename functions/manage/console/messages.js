// Messages: what was sent, as it looks, and what each provider answered.
import { get, problem } from "./api.js";
import { button, copyButton, facts, h, json, link, put, section, time, to } from "./dom.js";
import { paged } from "./paged.js";
import { split, table } from "./table.js";
import { MESSAGE_REASONS, MESSAGE_STATUSES, status } from "./words.js";

const BODY = new Set(["html", "text", "body"]);

/** The HTML of a mail in a frame without an origin: its scripts, forms and remote images do nothing. */
function mailFrame(html) {
  const frame = h("iframe", { class: "mail", sandbox: "allow-scripts", title: "The message as it looks", src: new URL("mail.html", import.meta.url) });
  frame.addEventListener("load", () => frame.contentWindow.postMessage({ html }, "*"));
  const onMessage = (event) => {
    if (!frame.isConnected) { window.removeEventListener("message", onMessage); return; }
    if (event.source !== frame.contentWindow || !Number.isFinite(event.data?.height)) return;
    frame.style.setProperty("height", `${Math.min(Math.max(event.data.height, 60), 2000)}px`);
  };
  window.addEventListener("message", onMessage);
  return frame;
}

/** What a customer has got, by channel: the fields of the template, the HTML as it looks, the text as text, all else as JSON. */
export function rendered(content) {
  if (!Object.keys(content).length) return section("Content", h("p", { class: "soft" }, "There is no content: it was not rendered yet, or it is older than 30 days."));
  const others = Object.entries(content).filter(([name]) => !BODY.has(name));
  const plain = others.filter(([, value]) => typeof value !== "object"), structured = others.filter(([, value]) => typeof value === "object" && value !== null);
  const texts = ["text", "body"].filter((name) => typeof content[name] === "string" && content[name]);
  return [
    plain.length > 0 && section("Content", facts(...plain.map(([name, value]) => [name, String(value)]))),
    content.html && section("As it looks", mailFrame(content.html)),
    texts.map((name) => section(content.html ? "Text for clients without HTML" : "Text", h("pre", { class: "text", tabindex: 0 }, content[name]))),
    content.body && typeof content.body === "object" && section("Body", json(content.body, "Body")),
    structured.map(([name, value]) => section(name, json(value, name))),
  ];
}

/** What a message shows beside its list. */
export function detailOf(each) {
  return [
    section(null, facts(["Status", status(each.status), h("div", { class: "soft" }, MESSAGE_STATUSES[each.status])],
      ["Reason", each.reason && [h("b", {}, each.reason), h("div", {}, MESSAGE_REASONS[each.reason])]], ["Detail", each.detail], ["Due", time(each.due, { always: true })],
      ["To", each.to], ["Channel", each.channel], ["Customer", link(to("customers", each.customer), h("code", {}, each.customer))],
      ["Journey", link(`${to("journeys", each.journey, "picture")}?customer=${encodeURIComponent(each.customer)}`, each.journey), h("span", { class: "soft" }, ` step ${each.step}, version ${each.version}`)],
      ["Created", time(each.createdAt, { always: true })], ["Id", h("code", {}, each.id)])),
    rendered(each.rendered),
    section("Attempts", each.attempts.length
      ? h("ol", { class: "timeline" }, each.attempts.map((attempt) => h("li", { class: "entry" }, time(attempt.at), h("div", {}, h("b", {}, attempt.outcome), h("div", { class: "soft" }, attempt.detail)))))
      : h("div", { class: "soft" }, "The provider was not called.")),
    h("section", { class: "actions" }, copyButton("Copy JSON", () => JSON.stringify(each, null, 2))),
  ];
}

export function show(place, first) {
  let route = first;
  const hashOf = (id, filter = route.query.get("status")) => `${id ? to("messages", id) : "#/messages"}${filter ? `?status=${encodeURIComponent(filter)}` : ""}`;
  const failed = h("div", { class: "failed" });
  const list = table({
    label: "Messages, newest first", key: (each) => each.id, open: (each) => hashOf(each.id),
    columns: [{ name: "Created", class: "w-time" }, { name: "Message", class: "w-name" }, { name: "To", class: "w-who" }, { name: "Status" }, { name: "Channel", class: "w-src" }],
    cells: (each) => [time(each.createdAt), [h("b", {}, each.journey), h("span", { class: "soft" }, ` ${each.step}`)], each.to ?? h("span", { class: "soft" }, "no address"),
      [status(each.status), each.reason && h("span", { class: "soft" }, ` ${each.reason}`)], each.channel],
  });
  const beside = split(list, "Message", () => { location.hash = hashOf(null); });
  const filter = h("select", { "aria-label": "Only messages with this status", onchange: () => { location.hash = hashOf(null, filter.value); } },
    h("option", { value: "" }, "All statuses"), Object.keys(MESSAGE_STATUSES).map((each) => h("option", { value: each }, each)));
  const messages = paged({
    list, failed, path: ["messages"], key: (each) => each.id, fixed: { content: false }, query: () => ({ status: route.query.get("status") }),
    empty: () => [h("h2", {}, "No messages yet"), h("p", {}, "A message appears here when a run reaches a message step.")], onItems: refresh,
  });
  const stateOf = (each) => JSON.stringify([each.status, each.reason, each.due, each.attempts.length]);
  /** Reads the open message again when its row is further than the detail. */
  function refresh() {
    const row = messages.find(route.parts[0] ?? "");
    if (row && beside.shown === row.id && beside.state && beside.state !== stateOf(row)) read(row.id);
  }
  async function read(id) {
    beside.waiting(id, "Message", () => route.parts[0] === id);
    try {
      const each = await get(["messages", id]);
      if (route.parts[0] !== id) return;
      beside.state = stateOf(each);
      beside.open(id, each.rendered.subject || `${each.channel} of ${each.journey}`, detailOf(each));
    } catch (error) {
      if (route.parts[0] === id) beside.open(id, "Message", section(null, error.status === 404 ? h("p", {}, "There is no message with this id.") : problem(error, button("Try again", () => read(id)))));
    }
  }
  const openRoute = () => { if (route.parts[0]) read(route.parts[0]); else beside.close(); };
  put(place, h("div", {}, h("div", { class: "head" }, h("h1", {}, "Messages"), filter), failed), beside.element);
  filter.value = route.query.get("status") ?? "";
  messages.start();
  openRoute();
  const again = () => messages.restart();
  window.addEventListener("clock", again);
  return {
    update(next) {
      const isSame = next.query.get("status") === route.query.get("status");
      route = next;
      filter.value = route.query.get("status") ?? "";
      if (!isSame) messages.restart();
      openRoute();
      return true;
    },
    leave() { messages.stop(); window.removeEventListener("clock", again); },
  };
}
