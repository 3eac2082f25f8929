import type { RouteExplanation, Saying } from './explanation.ts'

/** What is said of a node: whether it announces the Service, and by which routes. */
export interface Said {
  readonly announces: Saying
  readonly routes: readonly RouteExplanation[]
}

/** What a speaker has told of the Service by its ServiceBGPStatus. */
interface Telling {
  /** The BGPPeers that it announces the Service to; none: it has told of none. */
  readonly peers: readonly string[]
  /** Of the speaker. */
  readonly namespace: string
  /** Routes to peers, of which no more is known than that they are there. */
  readonly routesTo: (peers: readonly string[]) => readonly RouteExplanation[]
}

/**
 * The plan for a node, beside what its speaker has told. A speaker goes on by the last valid version of an object that is refused now,
 * which nobody else knows: so where the two differ it is the speaker that is believed, and that they differ is said.
 */
export function besideTold(planned: Said, telling: Telling | undefined): Said {
  if (telling === undefined) return planned
  const { outcome, reason } = planned.announces
  if (outcome === 'yes') return telling.peers.length === 0 ? untold(planned, telling) : toThese(planned, telling)
  return telling.peers.length === 0 || reason === 'noSpeaker' ? planned : stillTold(planned, telling)
}

/** The ServiceBGPStatus comes within a second of the route. */
function untold({ announces, routes }: Said, { namespace }: Telling): Said {
  return {
    routes,
    announces: {
      outcome: 'unknown',
      reason: 'notTold',
      message: `by the objects as they are it announces ${announces.message}, and its speaker has told of nothing (there is no ServiceBGPStatus)`,
      remedy: `Ask again in a moment; if it stays so, look at the log of the speaker: kubectl -n ${namespace} logs -l app.kubernetes.io/component=speaker`,
    },
  }
}

function stillTold({ announces }: Said, { peers, routesTo }: Telling): Said {
  return {
    routes: routesTo(peers),
    announces: {
      outcome: 'yes',
      reason: 'toldOtherwise',
      message: `its speaker says that it announces it, though by the objects as they are it would not (${announces.message}): it goes on by the last valid version of one that is refused now, or has not seen the newest change`,
      remedy:
        'Correct what is refused: a speaker that starts without its last known state does not know the version before.',
    },
  }
}

/** Routes to peers that the speaker does not name are not there, and those to others are. */
function toThese({ announces, routes }: Said, { peers, routesTo }: Telling): Said {
  const planned = new Set(routes.map(({ peer }) => peer))
  const more = peers.filter((peer) => !planned.has(peer))
  const less = [...planned].filter((peer) => !peers.includes(peer))
  if (more.length === 0 && less.length === 0) return { announces, routes }
  const words = [
    ...(more.length === 0 ? [] : [`also to ${more.join(', ')}`]),
    ...(less.length === 0 ? [] : [`not to ${less.join(', ')}`]),
  ].join(' and ')
  return {
    routes: [...routes.filter(({ peer }) => peers.includes(peer)), ...routesTo(more)],
    announces: {
      ...announces,
      reason: 'toldOtherwise',
      message: `its speaker says that it announces it ${words}, which is otherwise by the objects as they are`,
    },
  }
}
