// The peers that make trouble, one kind at a time; prints one JSON line with what was measured.
// Usage: trouble-main.ts KIND PID SECONDS
import { setTimeout as pause } from 'node:timers/promises'
import * as b from '../hostile/bytes.ts'
import { cpuSeconds, residentMiB } from '../hostile/proc.ts'
import { baseAttributes, type Slot } from '../hostile/scene.ts'
import type { ScriptedPeer } from '../hostile/scripted-peer.ts'
import { ending } from '../hostile/session.ts'
import { flooder, receivedPrefixes, refresher, refreshesPerSecond, sendHoldSeconds, silent, stuck } from './plan.ts'
import { tell, up, updateBytes } from './peers.ts'

const [kind = '', pidText = '', secondsText = '5'] = process.argv.slice(2)
const pid = Number(pidText)
const seconds = Number(secondsText)

/** Every 10 ms as many requests as make a thousand a second. */
async function refreshStorm(slot: Slot): Promise<Record<string, unknown>> {
  const peer = await up(slot)
  const from = peer.received.length
  const before = cpuSeconds(pid)
  const bytes = Buffer.from(b.routeRefresh(1, 1).repeat(refreshesPerSecond / 100), 'hex')
  const startMs = performance.now()
  for (let tick = 1; tick <= seconds * 100 && peer.closed === undefined; tick += 1) {
    peer.write(bytes)
    await pause(Math.max(0, startMs + tick * 10 - performance.now()))
  }
  const elapsed = (performance.now() - startMs) / 1000
  const cpuShare = (cpuSeconds(pid) - before) / elapsed
  return { elapsed, cpuShare, answeredBytes: updateBytes(peer, from), end: ending(peer) }
}

/** From the last octet that it sends until the NOTIFICATION. */
async function fallSilent(slot: Slot): Promise<{ readonly ms: number; readonly end: string | undefined }> {
  const peer = await up(slot)
  peer.fallSilent()
  peer.send(b.keepalive)
  const startMs = performance.now()
  await peer.until(() => peer.closed, 10_000)
  return { ms: (peer.notification?.atMs ?? Number.NaN) - startMs, end: ending(peer) }
}

/** Reads nothing, and goes on to say that it lives and wants all routes again. */
async function stopReading(slot: Slot): Promise<Record<string, unknown>> {
  const peer = await up(slot)
  peer.socket.pause()
  const startMs = performance.now()
  while (peer.closed === undefined && performance.now() - startMs < (sendHoldSeconds + 20) * 1000) {
    peer.send(b.keepalive + b.routeRefresh(1, 1))
    await pause(250)
  }
  return { ms: performance.now() - startMs, how: peer.closed?.how }
}

/** All prefixes, again and again until the time is over. */
async function flood(slot: Slot): Promise<Record<string, unknown>> {
  const peer = await up(slot)
  const attributes = baseAttributes(slot.scene)
  const beforeMiB = residentMiB(pid)
  const startMs = performance.now()
  let rounds = 0
  do {
    await announceAll(peer, attributes)
    rounds += 1
  } while (performance.now() - startMs < seconds * 1000 && peer.closed === undefined)
  const from = peer.received.length
  peer.send(b.routeRefresh(1, 1))
  await peer.until(() => (updateBytes(peer, from) > 0 ? 'answered' : ending(peer)), 20_000)
  return { ms: performance.now() - startMs, rounds, beforeMiB, afterMiB: residentMiB(pid), end: ending(peer) }
}

async function announceAll(peer: ScriptedPeer, attributes: string): Promise<void> {
  const inMessage = Math.floor((4096 - 23 - b.sizeOf(attributes)) / 5)
  for (let first = 0; first < receivedPrefixes; first += inMessage) {
    const size = Math.min(inMessage, receivedPrefixes - first)
    const nlri = Array.from({ length: size }, (_, index) => `20${b.u32(0x14000000 + first + index)}`).join('')
    await peer.writeAll(Buffer.from(b.update({ attributes, nlri }), 'hex'))
  }
}

const first = ([slot]: readonly Slot[]): Slot => {
  if (slot === undefined) throw new Error('the plan has no such peer')
  return slot
}

if (kind === 'refresh') tell({ result: await refreshStorm(first(refresher)) })
if (kind === 'silent') tell({ result: await Promise.all(silent.map(fallSilent)) })
if (kind === 'stuck') tell({ result: await stopReading(first(stuck)) })
if (kind === 'flood') tell({ result: await flood(first(flooder)) })
process.exit()
