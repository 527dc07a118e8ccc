// The difference of two definitions, line by line.
import { button, h, number, plural } from "./dom.js";

const MOST_CELLS = 4_000_000; // of the table of common lines: 8 MB; larger parts are shown as removed and added as a whole
const AROUND = 3; // unchanged lines that are shown beside a change

export const pretty = (definition) => JSON.stringify(definition, null, 2);

/** The lines of two texts in order: `{ kind: "same" | "removed" | "added", text }`, by their longest common subsequence. */
export function difference(before, after) {
  const a = before.split("\n"), b = after.split("\n"), found = [];
  let head = 0, tail = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;
  const x = a.slice(head, a.length - tail), y = b.slice(head, b.length - tail), width = y.length + 1;
  const isBounded = (x.length + 1) * width <= MOST_CELLS;
  const common = new Uint16Array(isBounded ? (x.length + 1) * width : 0);
  for (let i = isBounded ? x.length - 1 : -1; i >= 0; i -= 1) {
    for (let j = y.length - 1; j >= 0; j -= 1) common[i * width + j] = x[i] === y[j] ? common[(i + 1) * width + j + 1] + 1 : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
  }
  const add = (kind, text) => found.push({ kind, text });
  a.slice(0, head).forEach((text) => add("same", text));
  for (let i = 0, j = 0; i < x.length || j < y.length;) {
    if (isBounded && i < x.length && j < y.length && x[i] === y[j]) { add("same", x[i]); i += 1; j += 1; }
    else if (i < x.length && (!isBounded || j === y.length || common[(i + 1) * width + j] >= common[i * width + j + 1])) { add("removed", x[i]); i += 1; }
    else { add("added", y[j]); j += 1; }
  }
  a.slice(a.length - tail).forEach((text) => add("same", text));
  return found;
}

/** A difference as a list. `words` are those for lines of the first and of the second text alone. Unchanged parts are folded. */
export function differenceList(before, after, words = ["removed", "added"]) {
  const lines = difference(before, after), changed = lines.map((each) => each.kind !== "same");
  const count = (kind) => lines.filter((each) => each.kind === kind).length;
  if (!changed.includes(true)) return h("p", { class: "note" }, "They are the same.");
  const item = ({ kind, text }) => h("li", { class: kind }, h("span", {}, { removed: words[0], added: words[1] }[kind]), h("code", {}, text));
  const list = h("ol", {}), folded = [];
  const unfold = () => {
    if (!folded.length) return;
    const rest = folded.splice(0);
    const row = h("li", { class: "folded" }, button(`${plural(rest.length, "unchanged line")}`, () => { row.replaceWith(...rest.map(item)); }));
    list.append(row);
  };
  lines.forEach((each, n) => {
    if (changed.slice(Math.max(0, n - AROUND), n + AROUND + 1).includes(true)) { unfold(); list.append(item(each)); } else folded.push(each);
  });
  unfold();
  return h("div", { class: "diff" }, h("p", { class: "soft" }, `${plural(count("removed"), "line")} ${words[0]}, ${number(count("added"))} ${words[1]}`), list);
}
