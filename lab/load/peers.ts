import * as b from '../hostile/bytes.ts'
import type { Slot } from '../hostile/scene.ts'
import { openOf } from '../hostile/scene.ts'
import type { ScriptedPeer } from '../hostile/scripted-peer.ts'
import { Door, ending, toOpenConfirm } from '../hostile/session.ts'
import { routeCount } from './plan.ts'

/** Each route is 32 bits with its length octet. */
const leastBytes = routeCount * 5

/** A session of this slot with every route received. */
export async function up(slot: Slot): Promise<ScriptedPeer> {
  const peer = await new Door(slot).open()
  await toOpenConfirm(peer, openOf(slot))
  peer.send(b.keepalive)
  peer.keepAlive()
  const end = await peer.until(() => (updateBytes(peer, 0) >= leastBytes ? 'all' : ending(peer)), 30_000)
  if (end !== 'all') throw new Error(`${slot.name}: ${end ?? 'not all routes within 30 s'}`)
  return peer
}

/** Octets of UPDATE bodies from an index of the received messages on. */
export const updateBytes = ({ received }: ScriptedPeer, from: number): number => {
  let sum = 0
  for (let index = from; index < received.length; index += 1) {
    const one = received[index]
    if (one?.type === b.messageType.update) sum += one.body.length
  }
  return sum
}

export const tell = (line: Readonly<Record<string, unknown>>): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
