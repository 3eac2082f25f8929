import { resourceTypes } from '@holdfast/cluster'
import { valueAt } from '../../kubernetes/fields-at.ts'
import type { NodeName, RunningSpeaker, SpeakerWorld, StartOptions } from './speaker-world.ts'
import { namespace, nodeStateOf, putService, putSite } from './speaker-world.ts'

/** What both nodes announce. */
export const both = '192.0.2.10/32'
/** What node-a announces alone. */
export const alone = '192.0.2.11/32'

/** As `kubectl holdfast drain` does; false: as undrain does. */
export function askToDrain({ api }: SpeakerWorld, node: NodeName, isAsked = true): void {
  const drain = isAsked ? { requestedAt: '2026-01-01T00:00:00Z', requestedBy: 'ada' } : null
  void api.merge(resourceTypes.NodeState, { namespace, name: node }, { spec: { drain } }, { fieldManager: 'kubectl' })
}

/** Of the drain; undefined: there is none. */
export const phaseOf = (world: SpeakerWorld, node: NodeName): unknown =>
  valueAt(nodeStateOf(world, node), 'drain', 'phase')

export const heldBackOf = (world: SpeakerWorld, node: NodeName): unknown =>
  valueAt(nodeStateOf(world, node), 'drain', 'heldBack')

/** Two nodes that announce one Service both, and node-a another one alone: what is to be announced. */
export function putTwoNodes(world: SpeakerWorld): void {
  putSite(world)
  putService(world, 'both', { ip: '192.0.2.10', policy: 'Local', nodes: ['node-a', 'node-b'] })
  putService(world, 'alone', { ip: '192.0.2.11', policy: 'Local', nodes: ['node-a'] })
}

/** The same with the speaker of node-b, which has announced. */
export async function twoNodes(world: SpeakerWorld, options?: StartOptions): Promise<RunningSpeaker> {
  putTwoNodes(world)
  const other = world.start('node-b', options)
  await world.until('the other node’s route', () => world.nextHops(both).length === 1)
  return other
}

/** Until both nodes have told that their sessions are up. */
export const untilSessionsTold = (world: SpeakerWorld): Promise<void> =>
  world.until('the sessions are told', () =>
    (['node-a', 'node-b'] as const).every((node) => nodeStateOf(world, node)['sessionsReady'] === '1/1'),
  )

/** Both speakers, which announce and have told so. The options are those of node-a's. */
export async function bothAnnounce(
  world: SpeakerWorld,
  options?: StartOptions,
): Promise<{ readonly own: RunningSpeaker; readonly other: RunningSpeaker }> {
  const other = await twoNodes(world)
  const own = world.start('node-a', options)
  await world.until('both', () => world.nextHops(both).length === 2 && world.nextHops(alone).length === 1)
  await world.until('the statuses', () => {
    const statuses = world.api.readAll(resourceTypes.ServiceBGPStatus)
    return statuses.filter(({ status }) => status !== undefined).length === 3
  })
  await untilSessionsTold(world)
  return { own, other }
}
