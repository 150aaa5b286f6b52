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
