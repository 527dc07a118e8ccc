// JSON with the place of each value in its text. The text is what a person is writing, so a fault ends nothing: the first one is kept, and the rest is still read.
const STRING = /"(?:[^"\\\u0000-\u001f]|\\[^\n])*/y;
const WORD = /[^\s,:"[\]{}]+/y;
const DEEPEST = 100; // the API keeps 48 levels; deeper ones would overflow the stack

/**
 * Reads a text. -> `{ root, error }`: `error` is null or `{ at, detail }`. A node is `{ kind, start, end, value }`; an object has `members` of `{ key, value }`,
 * an array `items`. Where a value is missing, a node of the kind "missing" stands.
 */
export function parse(text) {
  let at = 0, error = null;
  const fail = (detail, place = at) => { error ??= { at: place, detail }; };
  const blank = () => { while (at < text.length && " \t\n\r".includes(text[at])) at += 1; };
  const match = (pattern) => { pattern.lastIndex = at; const found = pattern.exec(text)?.[0] ?? ""; at += found.length; return found; };
  const finish = (node) => Object.assign(node, { end: at });

  function string() {
    const start = at, found = match(STRING), isClosed = text[at] === '"';
    if (isClosed) at += 1; else fail("The text has no closing quote.", start);
    let value = found.slice(1);
    try { value = JSON.parse(`${found}"`); } catch { fail("The text has a wrong escape.", start); }
    return { kind: "string", start, end: at, value, isClosed };
  }
  function word() {
    const start = at, found = match(WORD);
    if (!found) { fail("A value is missing."); return { kind: "missing", start, end: at }; }
    try { return { kind: "word", start, end: at, value: JSON.parse(found) }; } catch { fail(`${found} is no JSON value.`, start); }
    return { kind: "word", start, end: at };
  }
  /** The elements up to the closing bracket. `element` reads one of them. */
  function elements(node, close, other, element) {
    let isAfterComma = false;
    at += 1;
    for (;;) {
      blank();
      if (text[at] === close) { if (isAfterComma) fail(`A comma stands before ${close}`); at += 1; break; }
      if (at >= text.length || text[at] === other) { fail(`${close} is missing.`); break; }
      const before = at;
      element(node);
      blank();
      isAfterComma = text[at] === ",";
      if (isAfterComma) at += 1;
      else if (text[at] !== close && at < text.length) { fail("A comma is missing."); if (at === before) at += 1; }
    }
    return finish(node);
  }
  function member(depth, node) {
    let key;
    if (text[at] === '"') key = string();
    else { fail("A name in quotes is missing."); key = { kind: "missing", start: at, value: match(WORD) }; key.end = at; }
    blank();
    if (text[at] !== ":") {
      fail("A colon is missing.");
      node.members.push({ key, value: { kind: "missing", start: at, end: at } });
      return;
    }
    at += 1;
    node.members.push({ key, value: value(depth) });
  }
  function value(depth) {
    blank();
    if (depth > DEEPEST) { fail("This is nested too deeply."); at = text.length; }
    if (text[at] === '"') return string();
    if (text[at] === "{") return elements({ kind: "object", start: at, members: [] }, "}", "]", (node) => member(depth + 1, node));
    if (text[at] === "[") return elements({ kind: "array", start: at, items: [] }, "]", "}", (node) => node.items.push(value(depth + 1)));
    return word();
  }
  const root = value(0);
  blank();
  if (at < text.length) fail("More follows after the end.");
  return { root, error };
}

const child = (node, name) => node.kind === "object" ? node.members.findLast((each) => each.key.value === name)
  : node.kind === "array" && node.items[name] ? { key: null, value: node.items[name] } : undefined;

/** The member, or the element, at a JSON pointer: `{ key, value }`. Where the text has none, the nearest one that contains its place. */
export function find(root, pointer) {
  let found = { key: null, value: root };
  for (const part of pointer.split("/").slice(1)) {
    const next = child(found.value, part.replaceAll("~1", "/").replaceAll("~0", "~"));
    if (!next) break;
    found = next;
  }
  return found;
}

/**
 * What may be written at an offset: `{ path, node, isKey, holders }`. `path` leads to the value, or to the object of a name; `node` is what stands there (null:
 * nothing); `holders` are the objects and lists on the way.
 */
export function contextAt(root, offset) {
  const isInside = (node) => offset > node.start && (offset < node.end || (offset === node.end && node.isClosed !== true && node.kind !== "object" && node.kind !== "array"));
  const path = [], holders = [];
  let node = root;
  while ((node.kind === "object" || node.kind === "array") && isInside(node)) {
    holders.push(node);
    if (node.kind === "array") {
      const index = node.items.findIndex((each) => isInside(each) || (each.kind === "missing" && each.start === offset));
      if (index < 0) return { path: [...path, node.items.filter((each) => each.end <= offset && each.kind !== "missing").length], node: null, isKey: false, holders };
      path.push(index);
      node = node.items[index];
    } else {
      const member = node.members.find(({ key, value }) => isInside(key) || isInside(value) || (value.kind === "missing" && offset > key.end && offset <= value.end));
      if (!member) return { path, node: null, isKey: true, holders };
      if (isInside(member.key)) return { path, node: member.key, isKey: true, holders };
      path.push(member.key.value);
      node = member.value;
    }
  }
  return { path, node: node.kind === "missing" ? null : node, isKey: false, holders };
}
