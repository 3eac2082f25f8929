/** Repeatable random numbers (mulberry32). */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

type Random = (below: number) => number
type Mutation = (bytes: Buffer, random: Random) => Buffer

const change =
  (how: (octet: number, random: Random) => number): Mutation =>
  (bytes, random) => {
    const changed = Buffer.from(bytes)
    const at = random(changed.length)
    changed[at] = how(changed[at] ?? 0, random) & 0xff
    return changed
  }

/** Each does one thing at one place. */
const mutations: readonly Mutation[] = [
  change((octet, random) => octet ^ (1 << random(8))),
  change((octet) => octet + 1),
  change((octet) => octet - 1),
  change(() => 0),
  change(() => 0xff),
  change((_, random) => random(256)),
  (bytes, random) => bytes.subarray(0, random(bytes.length)),
  (bytes, random) => {
    const at = random(bytes.length)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(8))])
  },
  (bytes, random) => {
    const [from, to] = [random(bytes.length), random(bytes.length)]
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from, from + 1 + random(24)), bytes.subarray(to)])
  },
]

/** A message with one to four mutations behind its marker; its length is put right again for most, so that the rest is read. */
export function mutate(message: Buffer, random: Random): Buffer {
  let body = message.subarray(18)
  for (let count = 1 + random(4); count > 0 && body.length > 0; count -= 1) {
    body = mutations[random(mutations.length)]?.(body, random) ?? body
  }
  const mutated = Buffer.concat([message.subarray(0, 18), body])
  if (random(8) > 0) mutated.writeUInt16BE(Math.min(mutated.length, 0xffff), 16)
  else if (random(2) === 0) mutated[random(18)] = random(256)
  return mutated
}
