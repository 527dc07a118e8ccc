// Requests to the API. Every failure is an ApiError that a page can show as it is.
import { h } from "./dom.js";
import { parseJson } from "./exact.js";
import { key } from "./session.js";

export const API = new URL("../../api/", import.meta.url);
const LOCAL = new URL("../../_local/", import.meta.url);
const LOCAL_TIMEOUT = 300_000; // milliseconds; a jump of the clock does all that becomes due on the way
const TIMEOUT = 30_000; // milliseconds; the gateway answers after 29 seconds at the latest

export class ApiError extends Error {
  constructor(status, code, detail, requestId, problems) {
    super(detail);
    Object.assign(this, { status, code, detail, requestId, problems: problems ?? [] });
  }
  /** Whether the same request may succeed later without a change. */
  get isPassing() { return this.status === 0 || this.status === 429 || this.status >= 500; }
}

const listeners = new Set();
/** Calls `listener` whenever the API refuses the key. */
export const onRefusedKey = (listener) => listeners.add(listener);

async function request(url, method, { query, body, headers, signal, isKeyed = true, timeout = TIMEOUT } = {}) {
  const address = new URL(url);
  for (const [name, value] of Object.entries(query ?? {})) if (value !== null && value !== undefined && value !== "") address.searchParams.set(name, value);
  const content = body === undefined ? {} : { "Content-Type": "application/json" };
  const used = key(), authorization = isKeyed ? { Authorization: `Api-Key ${used}` } : {};
  const limit = AbortSignal.timeout(timeout);
  let response, text;
  try {
    response = await fetch(address, {
      method, headers: { ...authorization, ...content, ...headers }, body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit, credentials: "omit", cache: "no-store", redirect: "error",
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw limit.aborted
      ? new ApiError(0, "no-answer", `There was no answer within ${timeout / 1000} seconds.`)
      : new ApiError(0, "unreachable", "The API cannot be reached.");
  }
  const requestId = response.headers.get("x-request-id");
  let answer = null;
  const isText = response.ok && (response.headers.get("content-type") ?? "").startsWith("text/plain");
  if (isText) answer = text;
  else if (text) {
    try { answer = parseJson(text); } catch (error) { throw new ApiError(response.status, "not-json", `The answer (status ${response.status}) cannot be read as JSON: ${error.message}`, requestId); }
  }
  if (response.ok) return { body: answer, status: response.status, etag: response.headers.get("etag"), at: response.headers.get("date") };
  const problem = answer !== null && typeof answer === "object" ? answer : {};
  // An answer to a request with an earlier key says nothing of the present one.
  if (response.status === 401 && isKeyed && used === key()) for (const listener of listeners) listener();
  throw new ApiError(response.status, problem.code ?? "unknown", problem.detail ?? `The API answers with status ${response.status}.`, problem.requestId ?? requestId, problem.errors ?? problem.problems ?? problem.results?.map((each) => each.error).filter(Boolean));
}

const path = (parts) => parts.map(encodeURIComponent).join("/");
/** One call: `call("GET", ["journeys", id], { query, body, headers, signal })` -> `{ body, status, etag, at }`; `at` is the time of the answer. ApiError. */
export const call = (method, parts, options) => request(new URL(path(parts), API), method, options);
/** The body of a GET: `get(["journeys", id, "runs"], { step }, signal)`. ApiError. */
export const get = async (parts, query, signal) => (await call("GET", parts, { query, signal })).body;
/** A route of the local run, which needs no key. ApiError. */
export const local = async (name, body) => (await request(new URL(name, LOCAL), body === undefined ? "GET" : "POST", { body, isKeyed: false, timeout: LOCAL_TIMEOUT })).body;
/** Sends a batch of events, with the body as it is written in a form. ApiError. */
export const sendEvents = (body) => request(new URL("events/batch/", API), "POST", { body });

/** An error as the page shows it: what is wrong, its code, and the id of the request for the log. */
export const problem = (error, ...more) => error instanceof ApiError
  ? h("div", { class: "problem", role: "alert" }, h("b", {}, error.detail),
    error.problems.length > 0 && h("ul", {}, error.problems.map((each) => h("li", {}, each.detail, " ", h("code", { class: "soft" }, each.pointer)))),
    h("div", { class: "soft" }, h("code", {}, error.code), error.requestId && [" · request ", h("code", {}, error.requestId)]), more)
  : h("div", { class: "problem", role: "alert" }, h("b", {}, "The page has met an error of its own."), h("div", { class: "soft" }, String(error)), more);
