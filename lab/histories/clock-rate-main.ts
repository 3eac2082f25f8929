// Loaded before a program (`node --import`): its clocks pass at another rate. HOLDFAST_LAB_CLOCK_RATE=2: twice as fast, so that
// what it takes for 15 s are 7.5 s. Its monotonic clock, its time of day and its timers agree with each other, as those of a
// machine do whose oscillator is wrong. Node's own timeouts of sockets do not follow.
const rate = Number(process.env['HOLDFAST_LAB_CLOCK_RATE'] ?? '1')
if (!(rate > 0)) throw new Error(`HOLDFAST_LAB_CLOCK_RATE: ${rate} is not above 0`)

const realNow = performance.now.bind(performance)
const startMs = realNow()
const now = (): number => startMs + (realNow() - startMs) * rate
Object.defineProperty(performance, 'now', { value: now, configurable: true, writable: true })

const RealDate = Date
const wallStartMs = RealDate.now()
const wallNow = (): number => Math.floor(wallStartMs + (realNow() - startMs) * rate)
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [wallNow()] : args, newTarget) as Date,
  apply: () => new RealDate(wallNow()).toString(),
  get: (target, key, receiver) => (key === 'now' ? wallNow : (Reflect.get(target, key, receiver) as unknown)),
})

/** Keeps what else a timer's function has: its `promisify` form is Node's own, at the real rate. */
function atRate<Timer extends (run: () => void, ms?: number, ...args: never[]) => unknown>(timer: Timer): Timer {
  return new Proxy(timer, {
    apply: (target, self, [run, ms, ...args]: [() => void, number | undefined, ...never[]]) =>
      Reflect.apply(target, self, [run, ms === undefined ? ms : ms / rate, ...args]),
  })
}
globalThis.setTimeout = atRate(globalThis.setTimeout)
globalThis.setInterval = atRate(globalThis.setInterval)
