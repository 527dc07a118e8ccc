// JSON without a rounded number. JavaScript keeps 53 bits of an integer and about 17 digits; a definition, a payload or an attribute may have more.
const LONG = /\d[\d.]{15}|\d[eE]/; // no other text has a number that a double cannot keep, and the check of each value is slow

/** A number that a double does not keep: its text in the JSON that it comes from. It is shown and written as that text. */
class Exact {
  constructor(text) { this.text = text; Object.freeze(this); }
  toString() { return this.text; }
  toJSON() { return JSON.rawJSON(this.text); }
}

/** A number in one form for each value: its digits and the power of ten of the last one. */
function digitsOf(text) {
  const [, sign, whole, part = "", power = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  if (whole === undefined) return null; // Infinity
  const digits = (whole + part).replace(/^0+/, ""), short = digits.replace(/0+$/, "");
  return short && `${sign}${short}e${BigInt(power) - BigInt(part.length) + BigInt(digits.length - short.length)}`;
}

/** The value of a JSON text; numbers that a double would round are `Exact`. SyntaxError, also in a browser that cannot do it (before 2025). */
export function parseJson(text) {
  if (!LONG.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_, value, context) => {
    if (typeof value !== "number") return value;
    if (!context || !JSON.rawJSON) throw new SyntaxError("this browser is too old for numbers of so many digits, and would round them");
    return digitsOf(context.source) === digitsOf(String(value)) ? value : new Exact(context.source);
  });
}
