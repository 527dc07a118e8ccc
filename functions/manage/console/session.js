// The API key of this tab. It is kept in sessionStorage, ends with the tab, and travels in a header only.
const NAME = "waypost-key";
export const RECENT = "waypost-recent"; // the customers that this tab has opened, by id, newest first
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

export const isLocal = LOOPBACK.has(location.hostname);
export const key = () => sessionStorage.getItem(NAME) ?? "";
export const keep = (value) => sessionStorage.setItem(NAME, value);
/** Forgets the key, and the names of customers that were opened with it. */
export const forget = () => { for (const each of [NAME, RECENT]) sessionStorage.removeItem(each); };
/** The beginning of the key, enough to tell two keys apart. */
export const shortKey = () => `${key().slice(0, 7)}…`;

/**
 * Takes the key from `#key=...`, which the local run prints, and removes it from the address at once. It does so on loopback hosts
 * only: elsewhere the address of a page is kept in histories and logs, and must not hold a key. Returns whether there was one.
 */
export function takeKeyFromAddress() {
  const found = /^#key=([^&]+)/.exec(location.hash);
  if (!found) return false;
  history.replaceState(null, "", "#/events");
  if (isLocal) { try { keep(decodeURIComponent(found[1])); } catch { /* no key: the page asks for one */ } }
  return isLocal;
}
