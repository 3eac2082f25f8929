import { routeCounts, type Peer, type TimerName } from '@holdfast/bgp'
import type { PeerSnapshot } from './driver-types.ts'
import type { PeerConnections } from './peer-connections.ts'
import type { PeerRecord } from './peer-record.ts'
import type { PeerTimers } from './peer-timers.ts'

/** A peer as it is now, from what happened and from what is. */
export function snapshotOf(driver: {
  readonly record: PeerRecord
  readonly connections: PeerConnections
  readonly timers: PeerTimers
  readonly peer: Peer
}): PeerSnapshot {
  const { record, connections, peer } = driver
  return {
    ...record.told(),
    pendingBytes: connections.pendingBytes(),
    ends: connections.ends(record.role),
    timers: timersOf(driver),
    ...routeCounts(peer),
  }
}

/** Without a connection it is the next attempt that counts, whichever side makes it. */
function timersOf({
  record: { role },
  connections,
  timers,
}: Pick<Parameters<typeof snapshotOf>[0], 'record' | 'connections' | 'timers'>): Partial<Record<TimerName, number>> {
  if (connections.ends(role) === undefined) return { ...timers.dueMs('passive'), ...timers.dueMs('active') }
  const sendHold = connections.sendHoldDueMs(role)
  return { ...timers.dueMs(role), ...(sendHold !== undefined && { sendHold }) }
}
