// Dialogs. There is no HTML form in the page: the policy forbids sending one.
import { button, h } from "./dom.js";
import { problem } from "./api.js";

/**
 * Opens a dialog with `content` and buttons. `action` runs when it is confirmed; while it runs the buttons wait; an error of it is shown in the dialog,
 * which stays open so that nothing that was typed is lost. Resolves to the result of `action`, or to null if the dialog is closed.
 *
 * `typed` is a text that has to be typed before the dialog can be confirmed. `danger` colours the button.
 */
export function dialog({ title, content = [], label, action, danger = false, typed = null, isWide = false }) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const failed = h("div", { class: "failed" });
    const check = typed !== null && h("input", { type: "text", autocomplete: "off", spellcheck: "false", "aria-label": `Type ${typed} to confirm`, oninput: () => { confirm.disabled = check.value !== typed; } });
    const confirm = button(label, run, { class: danger ? "danger" : "primary", disabled: typed !== null });
    let result = null, isRunning = false;
    async function run() {
      if (!action || isRunning || confirm.disabled) return;
      isRunning = confirm.disabled = true;
      failed.replaceChildren();
      try {
        result = (await action()) ?? true;
        element.close();
      } catch (error) {
        failed.replaceChildren(problem(error));
      } finally {
        isRunning = confirm.disabled = false;
      }
    }
    const heading = h("h2", { id: "dialog-title" }, title);
    const element = h("dialog", {
      class: isWide && "wide", "aria-labelledby": "dialog-title",
      onclose: () => { element.remove(); before?.focus?.(); resolve(result); },
      // Escape must not close a dialog whose action is under way: its answer would be lost.
      oncancel: (event) => { if (isRunning) event.preventDefault(); },
      onkeydown: (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey || event.target.tagName === "INPUT")) { event.preventDefault(); run(); } },
    },
      heading, content, check && h("label", {}, "Type ", h("code", {}, typed), " to confirm", check), failed,
      h("div", { class: "actions" }, label ? [confirm, button("Cancel", () => element.close())] : button("Close", () => element.close())));
    document.body.append(element);
    element.showModal();
    // What cannot be undone is not confirmed by a key that was meant for something else.
    element.querySelector(danger && typed === null ? ".actions button:last-child" : "textarea, input, .actions button")?.focus();
  });
}

/** A labelled field of a dialog: `field("Name", input)`. */
export const field = (name, input, help) => h("label", { class: "field" }, h("span", {}, name), input, help && h("small", { class: "soft" }, help));
