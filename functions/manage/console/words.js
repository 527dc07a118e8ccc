// The words of the page: one plain sentence for each reason and status of the API. A test compares them with the OpenAPI document.
import { h, plural } from "./dom.js";

/** Why an event changed nothing, a run was not opened, or a run ended. */
export const REASONS = {
  "already-active": "The customer is in this journey now.",
  "already-entered": "The customer has entered this journey before, and it is entered once.",
  "attributes-full": "The customer has as many attributes as fit.",
  conditions: "Its conditions do not hold.",
  "consents-full": "The customer has as many changes of consent as fit.",
  cooldown: "The customer has entered too recently; the journey has a minimum time between two entries.",
  "correlation-conflict": "The ids of this event belong to two different customers.",
  erased: "The customer was erased.",
  "exit-event": "The event is one on which the journey is left.",
  finished: "The run has reached the end of the journey.",
  historical: "The event was sent as historical, so it moves nothing.",
  loop: "The run went around a circle of steps without waiting.",
  merged: "The run of another id of the same customer goes on instead.",
  "no-key": "The event has no value for the journey's re-entry key.",
  "no-message": "No message of this run belongs to this report.",
  paused: "The journey is paused.",
  remembered: "The run is between two waits; the event counts at the next wait.",
  stopped: "The journey was stopped.",
  "too-many-ids": "The customer has as many correlation ids as fit.",
  "too-many-messages": "The run has sent 20 messages within an hour.",
  "too-many-runs": "The customer has as many active runs as fit.",
  unreadable: "The version of the journey cannot be read.",
  "window-over": "The time window of the step is over.",
};

export const OUTCOMES = { entered: ["good", "entered"], advanced: ["good", "moved on in"], exited: ["warn", "left"], ignored: ["soft", "ignored by"] };
const RANK = Object.keys(OUTCOMES);
/** What happened, before what did not. */
export const inOrder = (outcomes) => [...outcomes].sort((a, b) => RANK.indexOf(a.outcome) - RANK.indexOf(b.outcome));

/** The colour of a status, which is always written as well. */
export const TONES = {
  sent: "good", delivered: "good", opened: "good", clicked: "good", published: "good", active: "good", complete: "good", subscribed: "good",
  pending: "soft", sending: "soft", skipped: "soft", draft: "soft", finished: "good", exited: "warn", paused: "warn", unknown: "warn", pendingConsent: "warn",
  failed: "bad", bounced: "bad", complained: "bad", stopped: "bad", rejected: "bad", unsubscribed: "warn",
};
export const status = (word) => h("span", { class: TONES[word] ?? "soft" }, word);
export const pill = (word) => h("span", { class: `pill ${TONES[word] ?? "soft"}` }, word);

/** Why a run reached a step. */
export const CAUSES = {
  entered: "The run began here.",
  next: "The step before was done.",
  event: "An event came for which the run waited.",
  timeout: "The time of the wait was over.",
  elapsed: "The delay was over.",
  opened: "The time window opened.",
  "quiet-hours": "The quiet hours were over.",
  failed: "The message was not sent.",
  branch: "The conditions of this branch hold.",
  otherwise: "No branch holds.",
  experiment: "The experiment chose this branch.",
  jump: "The step before leads here.",
  report: "A report about a message came for which the run waited.",
};

export const MESSAGE_STATUSES = {
  pending: "It waits for its time or its next attempt.",
  sending: "The provider is being called.",
  sent: "The provider has accepted it.",
  delivered: "The provider reports that it was delivered.",
  bounced: "The provider reports that it could not be delivered.",
  opened: "It was opened.",
  clicked: "A link in it was clicked.",
  failed: "It was not sent, and is not tried again.",
  unknown: "The provider was called, and whether it has accepted it is not known. It is not sent again.",
  skipped: "It was not sent, for a good reason.",
};

export const MESSAGE_REASONS = {
  "no-address": "The customer has no address for this channel.",
  "no-sender": "The sender of the step is not allowed for this workspace.",
  paused: "Its journey is paused; it is held until then.",
  "quiet-hours": "It waits until the quiet hours are over.",
  cap: "The customer has got as many messages as a cap allows.",
  quota: "The provider lets the account send no more today.",
  "sending-off": "Sending is switched off in the settings.",
  stopped: "Its journey was stopped.",
  suppressed: "The address is suppressed, because of a bounce, a complaint or by hand.",
  unsubscribed: "The customer does not subscribe to the topic of this message.",
  "pending-consent": "The customer has not confirmed the subscription yet.",
  template: "Its template cannot be rendered for this customer.",
  erased: "The customer was erased.",
  rejected: "The provider refused it for good.",
  "gave-up": "All attempts of the schedule failed.",
  "endpoint-gone": "The endpoint answers that it is gone for good.",
  "no-answer": "The provider was called and gave no answer that says whether it accepted the message.",
};

export const PARKED_KINDS = { signal: "signal", message: "message" };

/** The sentence for a reason of a run or a move, and for that of a message: the same word may say something else there. */
export const why = (reason) => REASONS[reason] ?? CAUSES[reason] ?? MESSAGE_REASONS[reason] ?? reason;
export const whyNotSent = (reason) => MESSAGE_REASONS[reason] ?? why(reason);

const UNITS = ["year", "month", "week", "day", "hour", "minute", "second"];
/** An ISO 8601 duration in words: `P1DT12H` -> `1 day 12 hours`. What is no duration stays as it is. */
export function duration(text) {
  const found = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/.exec(text);
  const words = (found ?? []).slice(1).map((n, unit) => n && plural(Number(n), UNITS[unit])).filter(Boolean);
  return words.length ? words.join(" ") : String(text);
}
/** The label of a step or an edge, with its duration in words. */
export const inWords = (label) => label.replace(/^(after|wait) (P\S+)$/, (_, verb, text) => `${verb} ${duration(text)}`);

const LIQUID = /\{\{.*?\}\}|\{%.*?%\}/g;
const host = (url) => { try { return new URL(url).host; } catch { return url; } };
/** The words by which a person knows a message: its subject, the host of its webhook, or its text, without what is filled in. */
function templateText(template) {
  const text = template?.subject ?? template?.title ?? template?.text ?? (typeof template?.url === "string" ? host(template.url) : template?.body);
  return typeof text === "string" ? text.replace(LIQUID, "…").replace(/\s+/g, " ").trim() : null;
}
const DOES = {
  message: (step) => [step.channel, templateText(step.template)].filter((each) => each && typeof each === "string").join(" · "),
  waitUntil: (step) => [step.branches?.length && plural(step.branches.length, "branch", "branches"), step.timeout?.after && duration(step.timeout.after)].filter(Boolean).join(" or "),
  timeDelay: (step) => step.delay && `wait ${duration(step.delay)}`,
  multisplit: (step) => step.branches?.length && plural(step.branches.length, "condition"),
  experiment: (step) => step.branches?.length && plural(step.branches.length, "branch", "branches"),
  jumpTo: (step) => step.next && `to ${step.next}`,
};
/** What a step of a definition does, in a few words; null if the definition does not say it. */
export const does = (step) => (step && DOES[step.type]?.(step)) || null;
export const entryText = (definition) => (typeof definition?.entry?.event === "string" ? definition.entry.event + (definition.entry.conditions ? " if …" : "") : null);

/** Why a run ended, behind a number: "702 left by an exit event". */
export const ENDS = {
  "exit-event": "left by an exit event", "window-over": "came after a time window", merged: "went on as another id of the customer", stopped: "ended as the journey was stopped",
  loop: "ended in a circle of steps", "too-many-messages": "ended at 20 messages within an hour", erased: "were erased", unreadable: "ended as their version cannot be read",
};
