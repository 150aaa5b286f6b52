// Preloaded into a gateway's process (NODE_OPTIONS): its workers never look for work by the clock, so that hints alone
// are left.
const TICK_MS = 1000;
const { setInterval } = globalThis;

globalThis.setInterval = (work, ms, ...args) => setInterval(ms === TICK_MS ? () => undefined : work, ms, ...args);
