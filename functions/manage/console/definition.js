// The definition of a journey, with its editor.
import { h, put } from "./dom.js";

export function show(place, _context) {
  put(place, h("div", { class: "note" }, "Definition"));
  return { update: () => true, leave() {} };
}
