// Preloaded into a gateway's process (NODE_OPTIONS): its clock is wrong by CLOCK_OFFSET_MS.
const RealDate = Date;
const offset = Number(process.env.CLOCK_OFFSET_MS);

globalThis.Date = class Date extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + offset);
    else super(...args);
  }

  static now() {
    return RealDate.now() + offset;
  }
};
