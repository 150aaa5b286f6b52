// The Overview in development: when the demo receiver got something, the page reads itself again and takes over its parts.
const PAUSE_MS = 500;
/** What was received is settled, and then counted, a moment later. */
const SETTLED_MS = 1500;
const badge = () => document.querySelector('[data-stream]');
let known = badge().dataset.count;
let stream;
let settled;
let reading = false;
let again = false;
let heldBack = false;

async function read() {
  if (reading) return void (again = true);
  reading = true;
  try {
    const answer = await fetch(location.href).catch(() => undefined);
    if (!answer?.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    for (const part of document.querySelectorAll('[data-live]')) {
      const other = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
      // Whoever is in the middle of something is not disturbed.
      if (part.contains(document.activeElement)) heldBack = true;
      else if (other) take(part, other);
    }
    badge().hidden = stream.readyState !== EventSource.OPEN;
  } finally {
    setTimeout(() => {
      reading = false;
      if (again) void read();
      again = false;
    }, PAUSE_MS);
  }
}

/** What was unfolded stays so. */
function take(part, other) {
  const opened = [...part.querySelectorAll('details')].map(({ open }) => open);
  part.replaceChildren(...other.childNodes);
  part.querySelectorAll('details').forEach((details, n) => (details.open = opened[n] ?? false));
}

function follow() {
  stream = new EventSource(badge().dataset.stream);
  stream.addEventListener('open', () => (badge().hidden = false));
  stream.addEventListener('error', () => (badge().hidden = true));
  stream.addEventListener('received', ({ data }) => {
    if (data === known) return;
    known = data;
    void read();
    clearTimeout(settled);
    settled = setTimeout(read, SETTLED_MS);
  });
}

document.addEventListener('focusout', () => {
  if (heldBack) setTimeout(read, PAUSE_MS);
  heldBack = false;
});

// Behind another tab nothing is followed; the way back begins with what was missed.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) stream?.close();
  else follow();
});
if (!document.hidden) follow();
