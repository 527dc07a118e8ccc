// Shows the HTML of a message. It runs in the frame of mail.html, which has an origin of its own: it reaches neither the key nor the API.
// The page that shows the frame waits for its `load` and then posts {html}; each answer is {height}, in CSS pixels. A module script would be
// refused here, because an origin of its own is a foreign one for modules.
//
// The policy of the frame stops scripts, forms, frames, remote images and styles. What it does not stop is removed before it is shown:
// a `meta` can load another page, a `link` can connect to a host, and a `base` changes the addresses of the links that a reader sees.
// A script with an address of this console would be admitted by the policy; one that DOMParser has made does not run, and is removed too.
const REMOVED = "script, meta, link, base, iframe, frame, frameset, object, embed, applet, portal";

function show(html) {
  const shown = document.importNode(new DOMParser().parseFromString(html, "text/html").documentElement, true);
  for (const each of shown.querySelectorAll(REMOVED)) each.remove();
  for (const each of shown.querySelectorAll("template")) each.remove();
  for (const each of shown.querySelectorAll("[autofocus]")) each.removeAttribute("autofocus");
  document.documentElement.replaceWith(shown);
  const report = () => window.parent.postMessage({ height: shown.scrollHeight }, location.origin);
  new ResizeObserver(report).observe(shown);
}

// A link shows where it leads when the pointer is over it, and leads nowhere: the frame would lose the message.
for (const kind of ["click", "auxclick", "submit"]) {
  window.addEventListener(kind, (event) => {
    if (kind === "submit" || event.target.closest?.("a, area, button, input")) event.preventDefault();
  }, true);
}

window.addEventListener("message", (event) => {
  if (event.source !== window.parent || event.origin !== location.origin || typeof event.data?.html !== "string") return;
  show(event.data.html);
});
