// Rows H7 to H10, O4 (hold time 0) and O17: streams, connections and repeated tries.
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'
import * as b from '../bytes.ts'
import { openFiles } from '../proc.ts'
import { baseAttributes, openOf, speaker, strangers, type Slot } from '../scene.ts'
import { connectOnce, type ScriptedPeer } from '../scripted-peer.ts'
import { ending, establish, leave, probe, toOpenConfirm, type Door } from '../session.ts'
import { everywhere, inbound, type Program, type Special } from '../special.ts'

const good = ({ scene }: Slot): string => b.update({ attributes: baseAttributes(scene), nlri: b.prefix.ipv4 })

/** Writes at both sides of every possible cut; the pause makes the parts go out by themselves. */
async function cutEverywhere(door: Door): Promise<string | undefined> {
  const { slot } = door
  const peer = await door.open()
  for (const octet of Buffer.from(openOf(slot) + b.keepalive, 'hex')) {
    peer.write(Buffer.from([octet]))
    await turn()
  }
  peer.keepAlive()
  const up = await peer.until(() => peer.message(b.messageType.update)?.type ?? ending(peer))
  if (up !== b.messageType.update) return `an OPEN in single octets: ${String(up)}`
  const withdrawn = b.update({ attributes: b.attribute(0x40, 1, '03'), nlri: b.prefix.ipv4 })
  const stream = Buffer.from(good(slot) + withdrawn + b.keepalive + b.routeRefresh(1, 133) + b.update({}), 'hex')
  for (let cut = 1; cut < stream.length; cut += 1) {
    // The timer's KEEPALIVE must not come between the two parts.
    peer.fallSilent()
    peer.write(stream.subarray(0, cut))
    await turn()
    peer.write(stream.subarray(cut))
    await turn()
  }
  peer.keepAlive()
  const problem = await probe(peer)
  await leave(peer)
  return problem
}

/** Only who has found the end of each of the thousand finds the type 255 behind them. */
async function glued(door: Door): Promise<string | undefined> {
  const peer = await door.open()
  await establish(peer, door.slot)
  peer.fallSilent()
  peer.send((good(door.slot) + b.keepalive).repeat(500) + b.marker + b.u16(19) + b.u8(255))
  await peer.until(() => peer.closed)
  const end = ending(peer)
  return end === 'NOTIFICATION 1/3 ff' ? undefined : `wanted NOTIFICATION 1/3 ff, got ${end ?? 'nothing'}`
}

const holdMs = 3000
/** A hundred other sessions are worked on meanwhile; lab/load measures the timer itself. */
const patienceMs = 2000

/** Octets that never make a message: what has come counts for nothing. */
const slowLoris =
  (stage: 'openConfirm' | 'established') =>
  async (door: Door): Promise<string | undefined> => {
    const peer = await door.open()
    if (stage === 'established') await establish(peer, door.slot)
    peer.fallSilent()
    const startMs = performance.now()
    if (stage === 'established') peer.send(b.keepalive)
    else await toOpenConfirm(peer, openOf(door.slot))
    await drip(peer)
    peer.destroy()
    const end = ending(peer) ?? 'nothing'
    const ms = (peer.notification?.atMs ?? performance.now()) - startMs
    if (end !== 'NOTIFICATION 4/0 ') return `wanted NOTIFICATION 4/0, got ${end}`
    return ms >= holdMs - 10 && ms < holdMs + patienceMs ? undefined : `closed after ${Math.round(ms)} ms`
  }

/** An UPDATE of 4,096 octets, ten octets a second, until the program has had enough. */
async function drip(peer: ScriptedPeer): Promise<void> {
  for (const octet of Buffer.from(`${b.marker}100002${'00'.repeat(60)}`, 'hex')) {
    if (ending(peer) !== undefined) return
    peer.write(Buffer.from([octet]))
    await pause(100)
  }
}

const mostKept = 8

async function manyConnects({ slot }: Door, { pid }: Program): Promise<string | undefined> {
  const ends = { from: slot.address, to: speaker[slot.scene.family], port: speaker.port }
  const before = openFiles(pid)
  const peers: ScriptedPeer[] = []
  for (let batch = 0; batch < 10; batch += 1) {
    peers.push(...(await Promise.all(Array.from({ length: 100 }, () => connectOnce(ends)))))
  }
  await Promise.all(peers.map((peer) => peer.until(() => peer.received[0]?.type ?? peer.closed?.how, 3000)))
  await pause(300)
  const kept = peers.filter((peer) => peer.closed === undefined && peer.notification === undefined)
  const files = openFiles(pid) - before
  for (const peer of peers) peer.destroy()
  if (kept.length > mostKept) return `${kept.length} of 1,000 connections were kept`
  if (files > 2 * mostKept) return `${files} more files are open`
  return undefined
}

async function strangersKnock({ slot }: Door): Promise<string | undefined> {
  const { family } = slot.scene
  const ends = { from: strangers[family], to: speaker[family], port: speaker.port }
  for (let count = 0; count < 200; count += 1) {
    const peer = await connectOnce(ends)
    await peer.until(() => peer.closed, 3000)
    const end = ending(peer)
    peer.destroy()
    if (peer.message(b.messageType.open) !== undefined) return 'a stranger got an OPEN'
    if (end === undefined) return 'a stranger keeps its connection'
    if (end.startsWith('NOTIFICATION') && end !== 'NOTIFICATION 6/5 ') return `a stranger got ${end}`
  }
  return undefined
}

/** Longer than the configured hold time, in which neither side says a word. */
const quietMs = 4000

async function withoutTimers(door: Door): Promise<string | undefined> {
  const peer = await door.open()
  await establish(peer, door.slot, openOf(door.slot, { holdTime: 0 }))
  peer.fallSilent()
  await pause(300)
  const from = peer.received.length
  await pause(quietMs)
  const said = peer.received.length - from
  const problem = ending(peer) ?? (said > 0 ? `${said} messages came` : await probe(peer))
  await leave(peer)
  return problem
}

/** Answers every OPEN with the refusal of its capabilities. */
const refuseForEver =
  (subcode: number) =>
  async (door: Door): Promise<string | undefined> => {
    const startMs = performance.now()
    const opens: string[] = []
    while (performance.now() - startMs < 6000) {
      const peer = await door.open()
      opens.push(peer.message(b.messageType.open)?.body.toString('hex', 9) ?? '')
      peer.end(b.notification(2, subcode, subcode === 7 ? '0104000100010200' : ''))
      await peer.until(() => peer.closed, 1000)
      peer.destroy()
    }
    if (opens.length > 12) return `dialled ${opens.length} times within 6 s`
    if (opens.length < 3) return `dialled only ${opens.length} times within 6 s`
    return new Set(opens).size > 1 ? undefined : `offered the same capabilities ${opens.length} times`
  }

const special = (
  row: string,
  title: string,
  required: string,
  rest: Pick<Special, 'run' | 'scenes'> & Partial<Special>,
): Special => ({ row, title, required, isHeavy: false, ...rest })

export const streamCases: readonly Special[] = [
  special('H7', 'messages cut at every octet', 'the same as whole', { run: cutEverywhere, scenes: everywhere }),
  special('H7', 'a thousand messages in one segment', 'the same as one by one', { run: glued, scenes: everywhere }),
  special('H8', 'an octet at a time and never a message, in Established', 'NOTIFICATION 4/0 after the hold time', {
    run: slowLoris('established'),
    scenes: everywhere,
    tags: ['rfc4271-6.5-hold-timer-over-tcp'],
  }),
  special('H8', 'an octet at a time and never a message, in OpenConfirm', 'NOTIFICATION 4/0 after the hold time', {
    run: slowLoris('openConfirm'),
    scenes: everywhere,
    tags: ['rfc4271-6.5-hold-timer-over-tcp'],
  }),
  special('H9', 'a thousand TCP connections of a peer, without OPEN', `at most ${mostKept} are kept, then a session`, {
    run: manyConnects,
    scenes: inbound,
    isHeavy: true,
  }),
  special('H10', 'two hundred TCP connections from an address of no peer', 'closed or NOTIFICATION 6/5, no OPEN', {
    run: strangersKnock,
    scenes: ({ isDialled, isInternal }) => !isDialled && !isInternal,
    isHeavy: true,
  }),
  special('O4', 'a hold time of 0', 'session up, no KEEPALIVE, no hold timer', {
    run: withoutTimers,
    scenes: everywhere,
    tags: ['rfc4271-4.4-no-keepalive-over-tcp'],
  }),
  ...([4, 7] as const).map((subcode) =>
    special('O17', `a peer that answers every OPEN with 2/${subcode}`, 'fewer capabilities, with back-off', {
      run: refuseForEver(subcode),
      peer: 'refuser',
      scenes: ({ isDialled }) => isDialled,
      tags: ['rfc5492-3-retry-without-capabilities-over-tcp'],
    }),
  ),
]
