// What the JSON Schema of a journey allows at a place of a text that is being written.
import { contextAt, find, parse } from "./json_positions.js";

const STEP_ID = /^The id of a step/;
const MOST = 60;

/**
 * -> `{ from, to, items }`, or null where nothing can be proposed. An item is `{ label, detail, text, caret }`; `caret` counts from the start of its text.
 * With `isWide` everything is proposed where nothing begins with, or contains, what is typed.
 */
export function completions(schema, text, caret, isWide = false) {
  const { root } = parse(text);
  const place = contextAt(root, caret), { node, holders, isKey } = place;
  const isWithin = node?.kind === "string" || node?.kind === "word" || (node?.kind === "missing" && isKey);
  if (node && !isWithin) return null;
  // A text without its closing quote reaches to the end of the line, over what does not belong to it.
  const from = isWithin ? node.start : caret, to = isWithin && node.isClosed !== false ? node.end : caret;
  const typed = isWithin ? text.slice(node.start, caret).replace(/^"/, "").toLowerCase() : "";
  const indent = /^[ \t]*/.exec(text.slice(text.lastIndexOf("\n", caret - 1) + 1))[0];

  const flat = (each) => each.$ref ? flat(schema.$defs[each.$ref.split("/").at(-1)])
    : each.oneOf || each.anyOf ? (each.oneOf ?? each.anyOf).flatMap(flat) : [each];
  const choices = (each) => flat(each).flatMap((one) => one.const !== undefined ? [one.const] : one.enum ?? []);
  /** The forms that an object may still have, judged by its other members. If none fits, all of them: the person may be about to change the others. */
  function fitting(forms, object, except) {
    const suits = (form) => object.members.every(({ key, value }) => {
      if (key.value === except) return true;
      const known = form.properties?.[key.value];
      if (!known) return form.additionalProperties !== false;
      const allowed = choices(known);
      return value.kind !== "string" || !allowed.length || allowed.includes(value.value);
    });
    const found = forms.filter(suits);
    return found.length ? found : forms;
  }
  const below = (forms, holder, name, isLast) => {
    if (holder.kind === "array") return forms.flatMap((form) => form.items ? flat(form.items) : []);
    // A name that tells the forms apart, such as `type`, may be given every value.
    const isTelling = isLast && forms.some((form) => flat(form.properties?.[name] ?? {}).some((each) => each.const !== undefined));
    return (isTelling ? forms : fitting(forms, holder, isLast ? name : null)).flatMap((form) => form.properties?.[name] ? flat(form.properties[name]) : []);
  };
  let forms = flat(schema);
  place.path.forEach((name, n) => { forms = below(forms, holders[n], name, n === place.path.length - 1 && !isKey); });

  /** A value with what is required, for a person to fill in. The last alternative is the simplest one in this schema. */
  function example(form) {
    const last = flat(form).at(-1);
    if (last.const !== undefined || last.enum) return last.const ?? last.enum[0];
    if (last.examples) return last.examples[0];
    if (last.properties) return Object.fromEntries((last.required ?? []).map((name) => [name, example(last.properties[name])]));
    return { array: [], integer: last.minimum ?? 0, number: last.minimum ?? 0, boolean: false }[last.type] ?? "";
  }
  const comma = /^\s*["{[]/.test(text.slice(to)) ? "," : "";
  const item = (label, detail, inserted) => {
    const empty = inserted.search(/""|\[\]|\{\}/);
    return { label, detail: detail ?? "", text: inserted + comma, caret: empty < 0 ? inserted.length : empty + 1 };
  };
  const items = [];
  if (isKey) {
    const object = holders.at(-1), present = new Set(object.members.map((each) => each.key).filter((key) => key !== node).map((key) => key.value));
    const hasColon = isWithin && /^\s*:/.test(text.slice(to));
    for (const form of fitting(forms, object, node?.value)) {
      for (const [name, property] of Object.entries(form.properties ?? {})) {
        if (present.has(name)) continue;
        present.add(name);
        const first = flat(property)[0], start = first.properties ? "{}" : { string: '""', array: "[]", boolean: "false" }[first.type ?? typeof (first.const ?? first.enum?.[0])] ?? "";
        items.push(item(name, property.description ?? first.description, JSON.stringify(name) + (hasColon ? "" : `: ${start}`)));
      }
    }
  } else {
    const values = new Map();
    for (const form of forms) {
      for (const each of choices(form)) values.set(JSON.stringify(each), form.description);
      if (form.type === "boolean") for (const each of ["true", "false"]) values.set(each, "");
      if (STEP_ID.test(form.description ?? "") && place.path.at(-1) !== "id") {
        for (const step of find(root, "/steps").value.items ?? []) {
          const id = find(step, "/id").value, type = find(step, "/type").value;
          if (id.kind === "string") values.set(JSON.stringify(id.value), type.kind === "string" ? type.value : "");
        }
      }
      if (form.examples) for (const each of form.examples) values.set(JSON.stringify(each), form.description);
      if (form.properties && !isWithin) {
        const fixed = Object.values(form.properties).map((each) => each.const).filter((each) => each !== undefined);
        items.push(item(fixed.join(" · ") || form.title, form.description, JSON.stringify(example(form), null, 2).replaceAll("\n", `\n${indent}`)));
      }
    }
    for (const [inserted, detail] of values) items.push({ label: inserted.replace(/^"|"$/g, ""), detail: detail ?? "", text: inserted, caret: inserted.length });
  }
  const rank = (each) => each.label.toLowerCase().startsWith(typed) ? 0 : 1;
  const matching = items.filter((each) => each.label.toLowerCase().includes(typed)).sort((a, b) => rank(a) - rank(b));
  const found = (matching.length || !isWide ? matching : items).slice(0, MOST);
  return found.length ? { from, to, items: found } : null;
}
