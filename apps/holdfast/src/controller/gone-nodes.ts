import type { ApiFault, KubeApi, KubeObject, WorkOutcome } from '@holdfast/cluster'
import { createWorkQueue, resourceTypes } from '@holdfast/cluster'
import type { Clock } from '@holdfast/runtime'
import { textAt } from '../kubernetes/fields-at.ts'
import type { Log } from '../kubernetes/log.ts'

export interface GoneNodesOptions {
  readonly api: Pick<KubeApi, 'list' | 'remove'>
  readonly clock: Clock
  /** Time of day in ms. */
  readonly nowMs: () => number
  /** 0 to below 1. */
  readonly random: () => number
  readonly log: Log
  readonly namespace: string
  readonly mayWrite: () => boolean
  /** As far as is followed. */
  readonly hasState: (node: string) => boolean
  readonly hasNode: (node: string) => boolean
  /** Whether a speaker is known to run there. */
  readonly hasSpeaker: (node: string) => boolean
}

/** Removes the NodeStates of Nodes that are gone for good. */
export interface GoneNodes {
  /** Something of a node has changed: its Node, its NodeState or the Pod of its speaker. */
  readonly look: (node: string) => void
  readonly stop: () => Promise<void>
}

/**
 * How long a Node has to be gone: a speaker that runs there still leaves by its NodeState, and makes it anew where it is not there, each
 * time after twice as long.
 */
const goneMs = { first: 30_000, most: 3_600_000 } as const
/** A person's request to drain a node outlives the Node, for one that comes back from repair, for so long since it was made. */
const drainKeptMs = 7 * 24 * 3_600_000
/** What clocks can wait for. */
const mostWaitMs = 24 * 3_600_000

const done: WorkOutcome = { kind: 'done' }

/**
 * A NodeState has no owner, so that a drain outlives the pod: nothing else removes it. Where all Nodes have their NodeStates this costs
 * nothing; a list that lacks a Node is not believed, the server is asked.
 */
export function createGoneNodes(options: GoneNodesOptions): GoneNodes {
  const { api, clock, log, namespace } = options
  /** By node: since when it is gone. */
  const goneSince = new Map<string, number>()
  /** By node: how often its NodeState was removed. */
  const removals = new Map<string, number>()
  const queue = createWorkQueue({ clock, random: options.random, concurrency: 2, handle })

  const isGone = (node: string): boolean =>
    options.hasState(node) && !options.hasNode(node) && !options.hasSpeaker(node)

  async function handle(node: string): Promise<WorkOutcome> {
    if (!isGone(node) || !options.mayWrite()) {
      goneSince.delete(node)
      if (options.hasNode(node)) removals.delete(node)
      return done
    }
    const since = goneSince.get(node) ?? clock.now()
    goneSince.set(node, since)
    const waitMs = Math.min(goneMs.first * 2 ** (removals.get(node) ?? 0), goneMs.most) - (clock.now() - since)
    return waitMs > 0 ? { kind: 'later', afterMs: waitMs } : await removeUnlessThere(node)
  }

  async function removeUnlessThere(node: string): Promise<WorkOutcome> {
    const selection = { fieldSelector: `metadata.name=${node}` }
    const nodes = await api.list(resourceTypes.Node, selection)
    if (nodes.kind === 'fault') return failed(node, nodes)
    // What is followed is late: it will tell.
    if (nodes.value.items.length > 0) return done
    const states = await api.list(resourceTypes.NodeState, { ...selection, namespace })
    if (states.kind === 'fault') return failed(node, states)
    const [state] = states.value.items
    if (state === undefined) return done
    const keptMs = Math.min(untilForgotten(state, options.nowMs()), mostWaitMs)
    return keptMs > 0 ? { kind: 'later', afterMs: keptMs } : await remove(node, state)
  }

  async function remove(node: string, { metadata: { uid, resourceVersion } }: KubeObject): Promise<WorkOutcome> {
    if (!isGone(node) || !options.mayWrite()) return done
    const only = {
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    }
    const answer = await api.remove(resourceTypes.NodeState, { namespace, name: node }, only)
    if (answer.kind === 'fault') return failed(node, answer)
    log.log('info', 'nodeStateRemoved', `there is no Node ${node} any more: its NodeState is removed`, { node })
    goneSince.delete(node)
    removals.set(node, (removals.get(node) ?? 0) + 1)
    return done
  }

  function failed(node: string, { code, message, retryAfterMs }: ApiFault): WorkOutcome {
    // Somebody was first.
    if (code === 'notFound') return done
    log.log('debug', 'nodeStateNotRemoved', message, { node, code })
    return { kind: 'retry', retryAfterMs }
  }

  return { look: queue.add, stop: queue.stop }
}

/** How long a request to drain keeps a NodeState still. One without a time that can be read keeps it no longer than another. */
function untilForgotten({ spec }: KubeObject, nowMs: number): number {
  const requestedMs = Date.parse(textAt(spec, 'drain', 'requestedAt'))
  return Number.isNaN(requestedMs) ? 0 : requestedMs + drainKeptMs - nowMs
}
