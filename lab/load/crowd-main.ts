// Fifty peers that behave. Prints a JSON line when all are up, then twice a second the longest time that any of them had to
// wait for a message within the last half second, and how late the machine let this process run.
import { ending } from '../hostile/session.ts'
import { crowd } from './plan.ts'
import { tell, up } from './peers.ts'

const lagEveryMs = 20

const peers = await Promise.all(crowd.map(async (slot) => ({ slot, peer: await up(slot), lastMs: 0 })))
for (const one of peers) {
  one.peer.received.length = 0
  one.lastMs = performance.now()
}
tell({ up: peers.length })

/** How late the machine lets this process run: what nobody can be blamed for. */
let lagMs = 0
let dueMs = performance.now() + lagEveryMs
setInterval(() => {
  lagMs = Math.max(lagMs, performance.now() - dueMs)
  dueMs = performance.now() + lagEveryMs
}, lagEveryMs)

setInterval(() => {
  let gapMs = 0
  for (const one of peers) {
    // What was looked at is not needed any more.
    for (const { atMs } of one.peer.received.splice(0)) {
      gapMs = Math.max(gapMs, atMs - one.lastMs)
      one.lastMs = atMs
    }
    gapMs = Math.max(gapMs, performance.now() - one.lastMs)
  }
  const lost = peers.flatMap(({ slot, peer }) =>
    peer.closed === undefined ? [] : [`${slot.name}: ${ending(peer) ?? ''}`],
  )
  tell({ gapMs: Math.round(gapMs), lagMs: Math.round(lagMs), lost })
  lagMs = 0
}, 500)
