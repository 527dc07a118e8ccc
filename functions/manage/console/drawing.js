// Draws the geometry of a journey's picture, which the API computes: the steps are a list of links or buttons, over arrows that only eyes need. A small screen shows the list alone.
import { h, number, s } from "./dom.js";
import { does, entryText, inWords } from "./words.js";

const ENTRY = { height: 52, shift: 76 }; // pixels; the entry is no step, so the API leaves it out, and it is drawn above the first step
const CORNER = 8; // the radius of a corner, at most
const TIP = 6; // an arrow's line ends this far above the step, under its tip
const CHIP_MORE = 14; // a label may be wider than its box: words for durations are longer than the texts that the API has measured, and labels stand 20 pixels apart
const px = (n) => `${n}px`;

/** The corners of an arrow as a path: straight along an axis, with round corners, and a curve where it is slanted. */
export function line(points) {
  const ends = points.map(([x, y], n) => (n === points.length - 1 ? [x, y - TIP] : [x, y]));
  const isUpright = (a, b) => Math.abs(a[0] - b[0]) < 0.5, isLevel = (a, b) => Math.abs(a[1] - b[1]) < 0.5;
  let path = `M${ends[0]}`;
  for (let n = 1; n < ends.length; n += 1) {
    const before = ends[n - 1], at = ends[n], after = ends[n + 1];
    if (!isUpright(before, at) && !isLevel(before, at)) {
      const half = (at[1] - before[1]) / 2;
      path += `C${before[0]},${before[1] + half} ${at[0]},${at[1] - half} ${at}`;
    } else if (after && ((isUpright(before, at) && isLevel(at, after)) || (isLevel(before, at) && isUpright(at, after)))) {
      const radius = Math.min(CORNER, length(before, at) / 2, length(at, after) / 2);
      path += `L${towards(at, before, radius)}Q${at} ${towards(at, after, radius)}`;
    } else path += `L${at}`;
  }
  return path;
}
const length = (a, b) => Math.hypot(b[0] - a[0], b[1] - a[1]);
const towards = (from, to, by) => { const all = length(from, to) || 1; return [from[0] + ((to[0] - from[0]) * by) / all, from[1] + ((to[1] - from[1]) * by) / all]; };
const tip = ([x, y]) => `M${x - 4},${y - 8}h8l-4,7z`;

/** The names of the edges of a step in their order, as the API names them: the id of a branch, or its position from 1, and what is no branch. */
function edgeNames(step) {
  const names = (step?.branches ?? []).map((each, n) => String(each?.id ?? n + 1));
  const last = { multisplit: ["otherwise"], waitUntil: ["timeout"], message: [null, "onFailure"] }[step?.type] ?? [];
  return [...names, ...last];
}
const UNNAMED = { timeout: "timeout", failed: "onFailure", otherwise: "otherwise" }; // by the reason of a move that has no branch
const LABELS = { timeout: /^after /, onFailure: /^not sent$/ };

/**
 * The index of the edge that leads from one step to another, or -1. Two edges may join the same steps: then the branch decides, by the definition if it is
 * known, and else by the label.
 */
export function edgeOf(geometry, from, to, branch = null, definition = null) {
  const leaving = geometry.edges.map((each, n) => ({ ...each, n })).filter((each) => each.from === from);
  const between = leaving.filter((each) => each.to === to);
  if (between.length < 2) return between[0]?.n ?? -1;
  const names = edgeNames(definition?.steps?.find?.((each) => each?.id === from));
  const isNamed = (each) => names[leaving.indexOf(each)] === branch || each.label === branch || each.label.startsWith(`${branch}: `) || each.label === `branch ${branch}` || LABELS[branch]?.test(each.label);
  return (between.find(isNamed) ?? between[0]).n;
}

/** The way of `moves` (`{ step, branch, reason }`, in order of time) on a picture: its steps, its edges, and the step in which it ends. */
export function wayOf(geometry, moves, definition = null) {
  const steps = new Set(moves.map((each) => each.step)), edges = new Set();
  for (let n = 1; n < moves.length; n += 1) {
    const index = edgeOf(geometry, moves[n - 1].step, moves[n].step, moves[n].branch ?? UNNAMED[moves[n].reason] ?? null, definition);
    if (index >= 0) edges.add(index);
  }
  return { steps, edges, now: moves.at(-1)?.step ?? null };
}

const short = (n, isLowerBound) => `${number(n)}${isLowerBound && n > 0 ? "+" : ""}`;

/**
 * Draws a geometry (`picture` of the API) once, and returns what changes it in place, so that nothing shifts or loses the focus:
 *
 * - `count({ here(step), came(id), taken(edge index), entered, isLowerBound })`: numbers, null where there is none; `here` gives `[count, isLowerBound]`
 * - `way({ steps, edges, now })` of `wayOf`, or null: one way in the accent colour; - `choose(id)`: the step that is open
 * - `relink()`: the links again, when `href` has changed; `focus(id)` and `box(id)` of a step
 * - `mark(marks)`: a Map of ids of steps to `[tone, word]`, which stands in the step; the tone is a class such as `bad`
 *
 * `definition` gives better words for the steps than the geometry has, and the event of the entry. `href(id)` makes a step a link, `onStep(id)` makes it a
 * button.
 */
export function draw(geometry, { label = "Steps", definition = null, entry = entryText(definition), href = null, onStep = null } = {}) {
  const shift = entry === null ? 0 : ENTRY.shift, first = geometry.steps[0];
  const place = (box) => ({ left: px(box.x), top: px(box.y + shift), width: px(box.width), height: px(box.height) });

  const defined = new Map((Array.isArray(definition?.steps) ? definition.steps : []).map((each) => [each?.id, each]));
  const says = (step) => does(defined.get(step.id)) ?? inWords(step.label);
  const steps = new Map(geometry.steps.map((step) => {
    const here = h("span", { class: "here" }), came = h("span", { class: "came" }), ahead = h("span", { class: "hidden" });
    const content = [h("span", {}, h("span", { class: "name" }, step.id), here), h("span", {}, h("span", { class: "says" }, says(step)), came), ahead];
    const properties = { class: "step", style: place(step), title: `${step.id}: ${says(step)}` };
    const box = href ? h("a", { ...properties, href: href(step.id) }, content) : onStep ? h("button", { ...properties, type: "button", onclick: () => onStep(step.id) }, content) : h("div", properties, content);
    return [step.id, { box, here, came, ahead, content: "", mark: null }];
  }));

  const svg = s("svg", { width: geometry.width, height: geometry.height + shift, viewBox: `0 ${-shift} ${geometry.width} ${geometry.height + shift}`, "aria-hidden": "true" });
  const arrow = (points) => s("g", {}, s("path", { class: "way", d: line(points) }), s("path", { class: "tip", d: tip(points.at(-1)) }));
  const edges = geometry.edges.map((each) => {
    const edge = { ...each, label: inWords(each.label) };
    const taken = h("b"), listed = h("b"), group = arrow(edge.points);
    const chip = edge.labelBox && h("span", { class: "chip", "aria-hidden": "true", title: edge.label, style: { left: px(edge.labelBox.x + edge.labelBox.width / 2), top: px(edge.labelBox.y + shift), "max-width": px(edge.labelBox.width + CHIP_MORE) } }, h("span", {}, edge.label), taken);
    return { edge, taken, listed, chip, group, item: h("li", {}, h("span", {}, edge.label && `${edge.label} `, "→ ", edge.to), listed) };
  });
  svg.append(...edges.map((each) => each.group));
  const ways = (id) => h("ul", { class: "ways", "aria-hidden": "true" }, edges.filter((each) => each.edge.from === id).map((each) => each.item));

  const entered = h("span", { class: "came" }), entryArrow = entry !== null && first && arrow([[first.x + first.width / 2, 8 + ENTRY.height - shift], [first.x + first.width / 2, first.y]]);
  const entryBox = entryArrow && h("div", { class: "step plain", title: entry, style: { left: px(first.x), top: px(8), width: px(first.width), height: px(ENTRY.height) } },
    h("span", {}, h("span", { class: "name" }, entry)), h("span", {}, h("span", { class: "says" }, "entry"), entered));
  if (entryArrow) svg.prepend(entryArrow);

  const element = h("div", { class: "picture", style: { width: px(geometry.width), height: px(geometry.height + shift) } }, svg,
    h("ol", { "aria-label": label }, entryBox && h("li", {}, entryBox), geometry.steps.map((step) => h("li", {}, steps.get(step.id).box, ways(step.id)))),
    edges.map((each) => each.chip));

  const write = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  function drawHere(each) {
    const key = JSON.stringify([each.number, each.mark]);
    if (each.key === key) return;
    each.key = key;
    const [n, isLowerBound] = each.number ?? [0, false];
    each.here.replaceChildren(...(each.mark ? [h("span", { class: each.mark[0] }, each.mark[1])] : n ? [h("span", { title: number(n, isLowerBound) }, short(n, isLowerBound)), h("small", {}, " here")] : []));
  }
  function count({ here = () => null, came = () => null, taken = () => null, entered: all = null, isLowerBound = false }) {
    const isKnown = (n) => n !== null && n !== undefined;
    for (const step of geometry.steps) {
      const each = steps.get(step.id), n = came(step.id);
      each.number = here(step);
      drawHere(each);
      const key = isKnown(n) ? number(n, isLowerBound) : "";
      if (each.content !== key) each.came.replaceChildren(...(key ? [h("span", { title: `${key} came` }, short(n, isLowerBound)), h("span", { class: "hidden" }, " came")] : []));
      each.content = key;
      write(each.ahead, edges.map((other, at) => [other.edge, taken(at)]).filter(([edge]) => edge.from === step.id)
        .map(([edge, n]) => `, ${edge.label || "then"} to ${edge.to}${isKnown(n) ? ` ${number(n, isLowerBound)}` : ""}`).join(""));
    }
    edges.forEach((each, at) => {
      const n = taken(at), text = isKnown(n) ? short(n, isLowerBound) : "";
      write(each.taken, text);
      write(each.listed, text);
    });
    write(entered, isKnown(all) ? short(all, isLowerBound) : "");
  }
  function way(walked) {
    const isOn = Boolean(walked?.steps.size);
    for (const [id, { box }] of steps) {
      box.classList.toggle("walked", isOn && walked.steps.has(id));
      box.classList.toggle("now", isOn && walked.now === id);
    }
    edges.forEach((each, at) => {
      const isWalked = isOn && walked.edges.has(at);
      for (const part of [...each.group.children, each.item.firstChild, each.chip]) part?.classList.toggle("walked", isWalked);
      if (isWalked) svg.append(each.group);
    });
    for (const part of entryArrow ? [...entryArrow.children, entryBox] : []) part.classList.toggle("walked", isOn && walked.steps.has(first.id));
  }
  function choose(id) {
    for (const [each, { box }] of steps) { if (each === id) box.setAttribute("aria-current", "step"); else box.removeAttribute("aria-current"); }
  }
  function mark(marks) {
    for (const [id, each] of steps) { each.mark = marks?.get(id) ?? null; drawHere(each); }
  }
  const relink = () => { for (const [id, { box }] of steps) box.setAttribute("href", href(id)); };
  count({});
  return { element, geometry, count, way, choose, mark, relink, focus: (id) => steps.get(id)?.box.focus({ preventScroll: true }), box: (id) => steps.get(id)?.box ?? null };
}
