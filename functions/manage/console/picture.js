// The picture of a journey with its numbers, one customer's way through it, and who waits in a step.
export { draw, edgeOf, wayOf } from "./drawing.js";
