// Polling: every 2 seconds, every 10 when nothing happens, never while the tab is hidden.
const FAST = 2_000, SLOW = 10_000, LONGEST = 60_000; // milliseconds
const QUIET_AFTER = 15; // polls without a change

/**
 * Calls `work(signal)` again and again until the returned function is called. `work` returns whether something has changed. After an error,
 * `onError(error, secondsToNext)` is called, and the pauses grow to a minute. `every` is a fixed pause in milliseconds, for what is expensive to read.
 */
export function poll(work, onError = () => {}, { every = null } = {}) {
  const end = new AbortController();
  let timer = null, quiet = 0, failures = 0, isRunning = false;
  const later = (pause) => { clearTimeout(timer); if (!end.signal.aborted && !document.hidden) timer = setTimeout(run, pause); };
  async function run() {
    if (isRunning || end.signal.aborted) return;
    isRunning = true;
    try {
      quiet = (await work(end.signal)) ? 0 : quiet + 1;
      failures = 0;
      later(every ?? (quiet < QUIET_AFTER ? FAST : SLOW));
    } catch (error) {
      if (end.signal.aborted) return;
      failures += 1;
      const pause = Math.min(LONGEST, FAST * 2 ** failures);
      onError(error, Math.round(pause / 1000));
      later(pause);
    } finally {
      isRunning = false;
    }
  }
  const onVisible = () => (document.hidden ? clearTimeout(timer) : run());
  document.addEventListener("visibilitychange", onVisible);
  run();
  return () => { end.abort(); clearTimeout(timer); document.removeEventListener("visibilitychange", onVisible); };
}

let ahead = 0; // milliseconds by which the clock of the local run is ahead of the browser's
/** The time of the API, as far as the page knows it, in milliseconds. */
export const now = () => Date.now() + ahead;
/** The first of so many days that end today, as a date of UTC; null without a number. */
export const dayBefore = (days) => (days ? new Date(now() - (Number(days) - 1) * 86_400_000).toISOString().slice(0, 10) : null);
export const setNow = (iso) => { ahead = Date.parse(iso) - Date.now(); };

let lastSpoken = -Infinity;
/** Says a short text to screen readers, at most every 10 seconds. */
export function announce(text) {
  const region = document.getElementById("announcements");
  if (!region || performance.now() - lastSpoken < SLOW) return;
  lastSpoken = performance.now();
  region.textContent = text;
}
