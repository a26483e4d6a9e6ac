// `node --import`: this process believes that it is so many milliseconds later. Timers run on as they do.
const shift = Number(process.env.PGTREK_TEST_CLOCK_SHIFT_MS);
const RealDate = Date;

globalThis.Date = new Proxy(RealDate, {
  construct(target, /** @type {unknown[]} */ args) {
    if (args.length === 0) return new target(RealDate.now() + shift);
    return new target(.../** @type {[number]} */ (args));
  },
  apply: () => new RealDate(RealDate.now() + shift).toString(),
  get: (target, key, receiver) =>
    key === 'now'
      ? () => RealDate.now() + shift
      : /** @type {unknown} */ (Reflect.get(target, key, receiver)),
});
