import type { CodecContext, PathAttributes, UpdateMessage } from '@holdfast/bgp'
import { createFramer, decodeMessage, encodeMessage } from '@holdfast/bgp'
import type { Address, Family } from '@holdfast/ip'
import { hostPrefix, ipv4, ipv6 } from '@holdfast/ip'
import { nlriLength, updateCapacity } from '../packages/bgp/src/update-size.ts'

const repetitions = 15
const count = 100_000

const context: CodecContext = {
  isFourOctetAs: true,
  isInternal: false,
  localAddress: undefined,
  families: ['ipv4', 'ipv6'],
  maxReceivedLength: 4096,
  maxSentLength: 4096,
  addPath: { send: [], receive: [] },
  extendedNextHop: [],
}

const attributes: PathAttributes = {
  origin: 'igp',
  asPath: [{ kind: 'sequence', asns: [64512] }],
  localPref: undefined,
  med: undefined,
  communities: [0xfc000001],
  largeCommunities: [],
  extendedCommunities: [],
  onlyToCustomer: undefined,
  others: [],
}

const documentation = 0x20010db8n << 96n

const addressAt: Readonly<Record<Family, (index: number) => Address>> = {
  ipv4: (index) => ipv4(0x0a000000 + index),
  ipv6: (index) => ipv6(documentation + BigInt(index)),
}

/** As few UPDATEs as 100,000 host routes of one set of attributes fit into. */
function updatesOf(family: Family): UpdateMessage[] {
  const prefixes = Array.from({ length: count }, (_, index) => hostPrefix(addressAt[family](index)))
  const each = Math.floor(updateCapacity(attributes, family, context) / nlriLength(hostPrefix(addressAt[family](0))))
  const nextHop = addressAt[family](count)
  return Array.from({ length: Math.ceil(count / each) }, (_, index) => ({
    kind: 'update',
    withdrawn: [],
    announced: { attributes, reach: [{ nextHop, prefixes: prefixes.slice(index * each, (index + 1) * each) }] },
    endOfRib: undefined,
    faults: [],
  }))
}

/** What a socket would hand over: the messages glued together and cut into chunks of 64 KiB. */
function chunksOf(messages: readonly Uint8Array[]): Uint8Array[] {
  const stream = new Uint8Array(messages.reduce((sum, bytes) => sum + bytes.length, 0))
  let end = 0
  for (const bytes of messages) {
    stream.set(bytes, end)
    end += bytes.length
  }
  const chunk = 65536
  return Array.from({ length: Math.ceil(end / chunk) }, (_, index) =>
    stream.subarray(index * chunk, (index + 1) * chunk),
  )
}

function decodeStream(chunks: readonly Uint8Array[]): number {
  const framer = createFramer()
  let prefixes = 0
  for (const chunk of chunks) {
    framer.push(chunk)
    for (let frame = framer.next(); frame.kind === 'message'; frame = framer.next()) {
      const decoded = decodeMessage(frame.bytes, context)
      if (!decoded.ok || decoded.message.kind !== 'update') throw new Error('The decoder refused what the encoder made')
      for (const reach of decoded.message.announced?.reach ?? []) prefixes += reach.prefixes.length
    }
  }
  return prefixes
}

/** The machine's own pace at the same octets: each read once and nothing made of it. */
function readOctets(chunks: readonly Uint8Array[]): number {
  let sum = 0
  for (const chunk of chunks) for (const octet of chunk) sum += octet
  return sum
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

function medianMilliseconds(work: () => unknown): number {
  const times = Array.from({ length: repetitions }, () => {
    const start = performance.now()
    work()
    return performance.now() - start
  })
  return median(times)
}

console.log(`codec: ${count} host routes with one set of attributes, medians of ${repetitions} runs`)
for (const family of ['ipv4', 'ipv6'] as const) {
  const updates = updatesOf(family)
  const encode = (): Uint8Array[] => updates.map((update) => encodeMessage(update, context))
  const messages = encode()
  const chunks = chunksOf(messages)
  if (decodeStream(chunks) !== count) throw new Error('A route was lost between encoder and decoder')
  const octets = messages.reduce((sum, bytes) => sum + bytes.length, 0)
  console.log(`${family}: ${messages.length} UPDATEs, ${octets} octets`)
  for (const [name, work] of [
    ['encode', encode],
    ['frame and decode', () => decodeStream(chunks)],
    ['read the octets (baseline)', () => readOctets(chunks)],
  ] as const) {
    const ms = medianMilliseconds(work)
    const millions = count / ms / 1000
    console.log(`  ${name}: ${ms.toFixed(2)} ms, ${millions.toFixed(1)} million prefixes per second`)
  }
}

const keepalive = encodeMessage({ kind: 'keepalive' }, context)
const keepalives = chunksOf(Array.from({ length: 10_000 }, () => keepalive))
const framing = medianMilliseconds(() => {
  const framer = createFramer()
  for (const chunk of keepalives) {
    framer.push(chunk)
    while (framer.next().kind === 'message');
  }
})
const single = Array.from({ length: 4096 * 10 }, (_, index) => keepalive.subarray(index % 19, (index % 19) + 1))
const bytewise = medianMilliseconds(() => {
  const framer = createFramer()
  for (const chunk of single) {
    framer.push(chunk)
    framer.next()
  }
})
console.log(`framer: 10000 KEEPALIVEs in chunks of 64 KiB ${framing.toFixed(2)} ms`)
console.log(`framer: ${single.length} chunks of one octet ${bytewise.toFixed(2)} ms`)
