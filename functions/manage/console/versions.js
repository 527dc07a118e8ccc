// The versions of a journey, and the difference of two.
import { h, put } from "./dom.js";

export function show(place, _context) {
  put(place, h("div", { class: "note" }, "Versions"));
  return { update: () => true, leave() {} };
}
