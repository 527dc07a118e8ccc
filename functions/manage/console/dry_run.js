// A dry run of a journey, drawn on its picture.
import { h, put } from "./dom.js";

export function show(place, _context) {
  put(place, h("div", { class: "note" }, "Dry run"));
  return { update: () => true, leave() {} };
}
