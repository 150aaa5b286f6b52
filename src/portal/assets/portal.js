// Comforts only: every page works without this file.
for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    const text = document.getElementById(button.dataset.copy)?.textContent ?? '';
    await navigator.clipboard.writeText(text);
    const label = button.textContent;
    button.textContent = 'Copied';
    setTimeout(() => (button.textContent = label), 1500);
  });
}

// On a small screen the pages stand in a row that is wider than the screen. Not scrollIntoView: the Tab key would go on
// from there, past the link that skips the row.
const current = document.querySelector('.nav [aria-current]');
const row = current?.closest('.nav');
if (row) row.scrollLeft = current.getBoundingClientRect().left - row.getBoundingClientRect().left - 64;

for (const time of document.querySelectorAll('time[datetime]')) {
  time.title = new Date(time.dateTime).toLocaleString();
}

const payload = document.getElementById('payload');
if (payload) {
  const check = document.getElementById('payload-check');
  const format = document.getElementById('payload-format');

  const tell = () => {
    const bytes = new Blob([payload.value]).size;
    let fault = bytes > Number(payload.dataset.maxBytes) ? 'The payload is too large.' : null;
    try {
      JSON.parse(payload.value);
    } catch (error) {
      fault ??= `Not valid JSON: ${error.message}`;
    }
    check.textContent = fault ?? 'Valid JSON.';
    check.classList.toggle('fault', fault !== null);
  };
  let pause;
  payload.addEventListener('input', () => {
    clearTimeout(pause);
    pause = setTimeout(tell, 400);
  });

  format.hidden = false;
  format.addEventListener('click', () => {
    tell();
    if (check.classList.contains('fault')) return;
    payload.value = JSON.stringify(JSON.parse(payload.value), null, 2);
  });

  // What the form sends comes back with its answer; any other way leads away from it.
  let sending = false;
  window.addEventListener('beforeunload', (event) => {
    if (!sending && payload.value !== payload.defaultValue) event.preventDefault();
  });
  payload.form.addEventListener('submit', (event) => {
    // A second click must not send a second test. The value of the button that was pressed has to go along.
    if (sending) return event.preventDefault();
    sending = true;
    if (event.submitter?.value === 'send') event.submitter.textContent = 'Sending…';
  });
  window.addEventListener('pageshow', () => (sending = false));
}
