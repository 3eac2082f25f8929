import type { Scene, Slot } from '../hostile/scene.ts'
import { slotOf } from '../hostile/scene.ts'

/** eBGP over IPv4: the load is about time, not about kinds of sessions. */
const scene = (number: number, name: string): Scene => ({
  name,
  family: 'ipv4',
  isInternal: false,
  isDialled: false,
  peerAsn: 64512,
  number,
})

const slots = (number: number, name: string, count: number): readonly Slot[] =>
  Array.from({ length: count }, (_, index) => slotOf(scene(number, name), 'general', index + 1))

/** Who is there: peers that behave, and one kind for each trouble. */
export const crowd = slots(20, 'crowd', 50)
export const silent = slots(21, 'silent', 5)
export const stuck = slots(22, 'stuck', 1)
export const flooder = slots(23, 'flooder', 1)
export const refresher = slots(24, 'refresher', 1)

export const routeCount = 10_000
export const holdSeconds = 3
/** RFC 9687, by PeerPolicy for the stuck peer. */
export const sendHoldSeconds = 10
/** Of the program, for 10,000 Services and 58 sessions with a route of each. */
export const heapMiB = 256
export const receivedPrefixes = 200_000
export const refreshesPerSecond = 1000
