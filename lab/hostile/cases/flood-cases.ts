// Rows U33, U34 and R2: more than a peer may ask for. Bystanders and memory are watched meanwhile.
import { setTimeout as pause } from 'node:timers/promises'
import * as b from '../bytes.ts'
import { cpuSeconds, residentMiB } from '../proc.ts'
import { baseAttributes, openOf, type Scene, type Slot } from '../scene.ts'
import type { ScriptedPeer } from '../scripted-peer.ts'
import { ending, establish, leave, probe, type Door } from '../session.ts'
import { inbound, type Program, type Special } from '../special.ts'

/** UPDATEs that announce `count` host routes from 20.0.0.0 on, as many in each as fit. */
function* hostRoutes({ scene }: Slot, count: number): Generator<Buffer> {
  const attributes = baseAttributes(scene)
  const inMessage = Math.floor((4096 - 23 - b.sizeOf(attributes)) / 5)
  for (let first = 0; first < count; first += inMessage) {
    const size = Math.min(inMessage, count - first)
    const nlri = Array.from({ length: size }, (_, index) => `20${b.u32(0x14000000 + first + index)}`).join('')
    yield Buffer.from(b.update({ attributes, nlri }), 'hex')
  }
}

async function announce(peer: ScriptedPeer, slot: Slot, count: number): Promise<void> {
  for (const message of hostRoutes(slot, count)) await peer.writeAll(message)
}

const overLimit =
  (count: number) =>
  async (door: Door): Promise<string | undefined> => {
    const peer = await door.open()
    await establish(peer, door.slot)
    await announce(peer, door.slot, count)
    if (count <= 100) {
      const problem = await probe(peer)
      await leave(peer)
      return problem
    }
    await peer.until(() => peer.closed)
    const end = ending(peer) ?? 'nothing'
    // RFC 4486 section 4: the data is absent, or AFI, SAFI and the limit.
    return ['NOTIFICATION 6/1 ', 'NOTIFICATION 6/1 00010100000064'].includes(end)
      ? undefined
      : `wanted NOTIFICATION 6/1, got ${end}`
  }

/** What a collector of garbage may leave lying about, where nothing is kept. */
const flatMiB = 96

/** So long may the answer to what comes behind a flood take: whoever floods waits. */
const digestMs = 30_000

const flat = async (pid: number, work: () => Promise<string | undefined>): Promise<string | undefined> => {
  const before = residentMiB(pid)
  const problem = await work()
  const grown = residentMiB(pid) - before
  return problem ?? (grown > flatMiB ? `resident memory grew by ${Math.round(grown)} MiB` : undefined)
}

const million = (door: Door, { pid }: Program): Promise<string | undefined> =>
  flat(pid, async () => {
    const peer = await door.open()
    await establish(peer, door.slot)
    await announce(peer, door.slot, 1_000_000)
    const problem = await probe(peer, digestMs)
    await leave(peer)
    return problem
  })

const defaultRoutes = (size: number, { scene }: Slot): string => {
  const attributes = baseAttributes(scene)
  return b.update({ attributes, nlri: '00'.repeat(size - 23 - b.sizeOf(attributes)) })
}

const stuffed =
  (size: number, count: number) =>
  (door: Door, { pid }: Program): Promise<string | undefined> =>
    flat(pid, async () => {
      const peer = await door.open()
      await establish(peer, door.slot, openOf(door.slot, { extra: b.capabilities.extendedMessage }))
      const message = Buffer.from(defaultRoutes(size, door.slot), 'hex')
      for (let index = 0; index < count && peer.closed === undefined; index += 1) await peer.writeAll(message)
      const problem = await probe(peer, digestMs)
      await leave(peer)
      return problem
    })

/** For some seconds, every 10 ms as many messages as make this many a second. */
async function pour(peer: ScriptedPeer, hex: string, perSecond: number, seconds: number): Promise<void> {
  const bytes = Buffer.from(hex.repeat(perSecond / 100), 'hex')
  const startMs = performance.now()
  for (let tick = 0; tick < seconds * 100 && peer.closed === undefined; tick += 1) {
    await peer.writeAll(bytes)
    await pause(Math.max(0, startMs + (tick + 1) * 10 - performance.now()))
  }
}

const shortMessages = (door: Door, { pid }: Program): Promise<string | undefined> =>
  flat(pid, async () => {
    const peer = await door.open()
    await establish(peer, door.slot)
    const { scene } = door.slot
    await pour(peer, b.update({ attributes: baseAttributes(scene), nlri: b.prefix.ipv4 }) + b.keepalive, 5000, 3)
    const problem = await probe(peer)
    await leave(peer)
    return problem
  })

const refreshSeconds = 3

async function refreshStorm(door: Door, { pid }: Program): Promise<string | undefined> {
  const peer = await door.open()
  await establish(peer, door.slot)
  const from = peer.received.length
  const cpuBefore = cpuSeconds(pid)
  const startMs = performance.now()
  await pour(peer, b.routeRefresh(1, 1), 1000, refreshSeconds)
  const seconds = (performance.now() - startMs) / 1000
  const share = (cpuSeconds(pid) - cpuBefore) / seconds
  const answers = peer.received.slice(from).filter(({ type }) => type === b.messageType.update).length
  const problem = ending(peer) ?? (await probe(peer))
  await leave(peer)
  if (problem !== undefined) return problem
  if (answers > Math.ceil(seconds) + 1) return `${answers} UPDATEs for one family within ${seconds.toFixed(1)} s`
  return share < 0.2 ? undefined : `${Math.round(share * 100)} % of a processor`
}

const firstOf = ({ isDialled, isInternal, family }: Scene): boolean => !isDialled && isInternal === (family === 'ipv6')

const flood = (
  row: string,
  title: string,
  required: string,
  rest: Pick<Special, 'run'> & Partial<Special>,
): Special => ({
  row,
  title,
  required,
  isHeavy: true,
  scenes: firstOf,
  ...rest,
})

export const floodCases: readonly Special[] = [
  flood('U33', '100 routes where 100 are allowed', 'stays up', {
    run: overLimit(100),
    peer: 'limited',
    scenes: inbound,
    isHeavy: false,
  }),
  flood('U33', '101 routes where 100 are allowed', 'NOTIFICATION 6/1', {
    run: overLimit(101),
    peer: 'limited',
    scenes: inbound,
    isHeavy: false,
    tags: ['rfc4486-4-maximum-prefixes-over-tcp'],
  }),
  flood('U33', 'a million routes', 'stays up, memory flat', { run: million }),
  flood('U34', '2,000 UPDATEs of 4,096 octets of default routes', 'stays up, memory flat', {
    run: stuffed(4096, 2000),
  }),
  flood('U34', '100 UPDATEs of 65,535 octets of default routes', 'stays up, memory flat', {
    run: stuffed(65_535, 100),
  }),
  flood('U34', '10,000 messages a second', 'stays up, memory flat', { run: shortMessages }),
  flood('R2', '1,000 ROUTE-REFRESH a second', 'one answer a second, less than 20 % of a processor', {
    run: refreshStorm,
  }),
]
