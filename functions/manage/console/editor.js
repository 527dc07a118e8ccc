// A text area for JSON: line numbers, colours and marks lie in a layer under its text, and a list completes what is typed.
import { h, put } from "./dom.js";
import { completions } from "./completion.js";

const TOKEN = /("(?:[^"\\]|\\.)*"?)(\s*:)?|(-?\d[\d.eE+-]*|\b(?:true|false|null)\b)/g;

/** The content of a line of JSON. A text cannot go over the end of a line, so each line is coloured for itself. */
function coloured(line) {
  const parts = [];
  let end = 0;
  for (const found of line.matchAll(TOKEN)) {
    parts.push(line.slice(end, found.index), h("span", { class: found[2] ? "name" : found[1] ? "text" : "word" }, found[1] ?? found[3]), found[2] ?? "");
    end = found.index + found[0].length;
  }
  return [...parts, line.slice(end) || (end ? "" : "\u200b")];
}

/**
 * An editor. `onInput()` is called after each change by the person; `schema()` gives the JSON Schema that completes, or null.
 *
 * The text area is a text box with a list of proposals: the role combobox is not allowed on one. The tab key leaves it while no list is open.
 */
export function editor({ label, onInput, schema }) {
  const layer = h("div", { class: "layer", "aria-hidden": "true" });
  const list = h("ul", { role: "listbox", id: "proposals", tabindex: 0, "aria-label": "Proposals", hidden: true, onmousedown: (event) => { event.preventDefault(); const chosen = event.target.closest("li"); if (chosen) accept([...list.children].indexOf(chosen)); } });
  const spoken = h("div", { class: "hidden", role: "status" });
  const area = h("textarea", {
    spellcheck: "false", autocomplete: "off", autocapitalize: "off", "aria-label": label, "aria-autocomplete": "list", "aria-controls": "proposals",
    oninput: (event) => {
      draw();
      showLine(area.selectionEnd);
      if (!isInserting) propose(event.inputType === "insertText" || event.inputType === "deleteContentBackward" ? "typing" : "close");
      onInput();
    },
    onkeydown, onblur: close, onclick: close,
  });
  const element = h("div", { class: "code" }, h("div", { class: "sheet" }, layer, area, list), spoken);
  let lines = [], marked = [], proposal = null, active = 0, isInserting = false;

  /** Redraws the lines that have changed: those between the first and the last that differ. */
  function draw() {
    const next = area.value.split("\n");
    let head = 0, tail = 0;
    while (head < next.length && head < lines.length && next[head] === lines[head]) head += 1;
    while (tail < next.length - head && tail < lines.length - head && next[next.length - 1 - tail] === lines[lines.length - 1 - tail]) tail += 1;
    const after = layer.children[lines.length - tail] ?? null;
    while (layer.children[head] !== undefined && layer.children[head] !== after) layer.children[head].remove();
    for (const line of next.slice(head, next.length - tail)) layer.insertBefore(h("div", { class: "line" }, coloured(line)), after);
    // Numbers are attributes: counters of CSS would be computed anew for all lines after each key.
    if (next.length !== lines.length) [...layer.children].slice(head).forEach((line, n) => { line.dataset.line = head + n + 1; });
    else for (let n = head; n < next.length - tail; n += 1) layer.children[n].dataset.line = n + 1;
    lines = next;
    element.style.setProperty("--digits", String(lines.length).length);
  }
  const lineOf = (offset) => area.value.slice(0, offset).split("\n").length - 1;

  /** The rectangle of a character in the layer, which wraps as the text area does. */
  function rectangle(offset) {
    const line = layer.children[lineOf(offset)];
    let rest = lineBefore(offset).length;
    const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT), range = document.createRange();
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      range.setStart(node, Math.min(rest, node.length));
      if (rest <= node.length) break;
      rest -= node.length;
    }
    return range.startContainer === document ? line.getBoundingClientRect() : range.getBoundingClientRect();
  }

  const showLine = (offset) => layer.children[lineOf(offset)]?.scrollIntoView({ block: "nearest" });
  const lineBefore = (offset) => area.value.slice(area.value.lastIndexOf("\n", offset - 1) + 1, offset);
  const quotesBefore = (offset) => (lineBefore(offset).replace(/\\./g, "").match(/"/g) ?? []).length;

  /** Inserts a text as if it were typed, so that the browser can undo it. */
  function insert(from, to, text) {
    area.focus({ preventScroll: true });
    area.setSelectionRange(from, to);
    if (from === to && !text) return;
    isInserting = true;
    // It is the only way to change a text area that the browser can undo. A browser without it gets the change all the same.
    if (!document.execCommand(text ? "insertText" : "delete", false, text)) {
      area.setRangeText(text, from, to, "end");
      area.dispatchEvent(new InputEvent("input"));
    }
    isInserting = false;
  }

  function close() {
    proposal = null;
    list.hidden = true;
    area.removeAttribute("aria-activedescendant");
  }
  function propose(why) {
    const caret = area.selectionStart, before = proposal;
    proposal = why !== "close" && schema() && area.selectionEnd === caret ? completions(schema(), area.value, caret, why === "asked") : null;
    // Typing opens the list within quotes only, and not when what is typed is complete.
    if (why === "typing" && proposal) {
      const token = area.value.slice(proposal.from, proposal.to);
      if (token[0] !== '"' || (proposal.items.length === 1 && proposal.items[0].text === token)) proposal = null;
    }
    if (!proposal) { if (why === "asked") spoken.textContent = "Nothing is proposed here."; return close(); }
    put(list, proposal.items.map((each, n) => h("li", { role: "option", id: `proposal-${n}` }, h("b", {}, each.label), each.detail && h("span", { class: "soft" }, each.detail))));
    list.hidden = false;
    choose(0);
    if (!before) spoken.textContent = `${proposal.items.length} proposals`;
    const at = rectangle(caret), sheet = list.parentElement.getBoundingClientRect();
    list.style.setProperty("left", `${Math.max(4, Math.min(at.left - sheet.left, sheet.width - list.offsetWidth - 8))}px`);
    list.style.setProperty("top", `${at.bottom - sheet.top + 3}px`);
    list.scrollIntoView({ block: "nearest" });
    showLine(caret);
    return undefined;
  }
  function choose(n) {
    active = (n + list.children.length) % list.children.length;
    [...list.children].forEach((each, at) => each.setAttribute("aria-selected", String(at === active)));
    area.setAttribute("aria-activedescendant", `proposal-${active}`);
    const chosen = list.children[active];
    list.scrollTop = Math.max(Math.min(list.scrollTop, chosen.offsetTop), chosen.offsetTop + chosen.offsetHeight - list.clientHeight);
  }
  function accept(n) {
    const { from, to, items } = proposal, { text, caret } = items[n];
    close();
    insert(from, to, text);
    area.setSelectionRange(from + caret, from + caret);
    // After a name that has a closed list of values, the values follow at once.
    if (caret < text.length) propose("asked");
  }

  function onkeydown(event) {
    if (event.key === " " && event.ctrlKey) { event.preventDefault(); propose("asked"); return; }
    if (event.isComposing) return;
    if (proposal) {
      const keys = { ArrowDown: () => choose(active + 1), ArrowUp: () => choose(active - 1), Enter: () => accept(active), Tab: () => accept(active), Escape: close };
      if (keys[event.key] && !event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); event.stopPropagation(); keys[event.key](); return; }
      if (event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End") close();
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { selectionStart, selectionEnd } = area;
    if (event.key === '"' && selectionStart === selectionEnd) {
      const isWithin = quotesBefore(selectionStart) % 2 === 1;
      if (isWithin && area.value[selectionStart] !== '"') return;
      event.preventDefault();
      if (!isWithin) insert(selectionStart, selectionStart, '""');
      area.setSelectionRange(selectionStart + 1, selectionStart + 1);
      if (isWithin) close(); else propose("typing");
    }
    if (event.key === "Enter") {
      event.preventDefault();
      const from = selectionStart, to = selectionEnd, before = lineBefore(from);
      const indent = /^\s*/.exec(before)[0], opens = /[[{]\s*$/.test(before), closes = opens && /^[ \t]*[\]}]/.test(area.value.slice(to));
      insert(from, to, `\n${indent}${opens ? "  " : ""}${closes ? `\n${indent}` : ""}`);
      const at = from + 1 + indent.length + (opens ? 2 : 0);
      area.setSelectionRange(at, at);
    }
  }

  return {
    element, area,
    get value() { return area.value; },
    /** Sets the text at the beginning. */
    start(text) { area.value = text; draw(); },
    /** Replaces the text in one change, which the browser can undo. Only what differs is inserted: browsers take milliseconds for each line. */
    replace(text) {
      const { value } = area, most = Math.min(value.length, text.length);
      let head = 0, tail = 0;
      while (head < most && value[head] === text[head]) head += 1;
      while (tail < most - head && value[value.length - 1 - tail] === text[text.length - 1 - tail]) tail += 1;
      insert(head, value.length - tail, text.slice(head, text.length - tail));
    },
    /** Marks the lines of findings (`{ from, isWarning }`). */
    mark(findings) {
      for (const line of marked) line.classList.remove("marked", "warning");
      marked = findings.map((each) => layer.children[lineOf(each.from)]).filter(Boolean);
      marked.forEach((line, n) => { line.classList.toggle("warning", Boolean(findings[n].isWarning) && (line.classList.contains("warning") || !line.classList.contains("marked"))); line.classList.add("marked"); });
      area.setAttribute("aria-invalid", String(findings.some((each) => !each.isWarning)));
    },
    lineOf,
    /** Selects a part of the text, and scrolls to it. */
    select(from, to) {
      area.focus({ preventScroll: true });
      area.setSelectionRange(from, to);
      showLine(from);
    },
  };
}
