import type { Decision, NodePlan, PeerRoute } from '@holdfast/announce'
import type { StateDirectory } from '@holdfast/cluster'
import { formatAddress, formatPrefix } from '@holdfast/ip'
import type { Decision as AllocationDecision } from '@holdfast/ipam'
import type { PeerSnapshot } from '@holdfast/net'
import { stateLabel } from '../output/labels.ts'
import type { Pass } from './pipeline.ts'
import type { SessionsView } from '../sessions/announcements.ts'
import type { WantedSession } from '../sessions/wanted-sessions.ts'

/**
 * The status files of a state directory: one for each Service, and for each node that this process speaks for one with its
 * sessions and one with its routes, which can be many and do not change when a session does.
 */
export class StatusFiles {
  readonly #state: StateDirectory
  readonly #services = new Map<string, { readonly parts: readonly unknown[]; readonly content: object }>()
  readonly #routes = new Map<string, { readonly routes: NodePlan['routes']; readonly content: object }>()
  /** The pass whose files are all there. */
  #written: Pass | undefined
  #failure: string | undefined

  constructor(state: StateDirectory) {
    this.#state = state
  }

  /** Writes what changed. Returns a failure once, for as long as it stays the same; undefined where all is well. */
  async write(pass: Pass, sessions: SessionsView): Promise<string | undefined> {
    const results = [await this.#state.syncYamlFiles('nodes', nodeFiles(pass, sessions))]
    // A session that comes or goes changes nothing about ten thousand Services, which it would take long to find out.
    if (this.#written !== pass) {
      results.push(await this.#state.syncYamlFiles('services', this.#serviceFiles(pass)))
      results.push(await this.#state.syncYamlFiles('routes', this.#routeFiles(pass)))
    }
    const [failed] = results.flatMap(({ failures }) => failures)
    if (failed === undefined) this.#written = pass
    const failure =
      failed === undefined ? undefined : `status is not written: ${failed.file}: ${failed.reason}. ${failed.remedy}`
    const isNew = failure !== this.#failure
    this.#failure = failure
    return isNew ? failure : undefined
  }

  /** The routes of a node that did not change keep their content. */
  #routeFiles(pass: Pass): ReadonlyMap<string, object> {
    const files = new Map<string, object>()
    for (const [node, { routes }] of pass.nodePlans) {
      const known = this.#routes.get(node)
      const content = known?.routes === routes ? known.content : { node, routes: offersOf(routes) }
      this.#routes.set(node, { routes, content })
      files.set(node, content)
    }
    return files
  }

  /** A Service whose decisions are the same objects as before keeps its content, which is then not written again. */
  #serviceFiles(pass: Pass): ReadonlyMap<string, object> {
    const files = new Map<string, object>()
    for (const [key, decision] of pass.plan.decisions) {
      const nodes = [...pass.nodePlans].map(([node, plan]) => [node, plan.decisions.get(key)] as const)
      const parts = [decision, ...nodes.map(([, one]) => one)]
      const known = this.#services.get(key)
      const content =
        known !== undefined && isSameList(known.parts, parts) ? known.content : serviceStatus(key, decision, nodes)
      this.#services.set(key, { parts, content })
      files.set(key.replace('/', '_'), content)
    }
    for (const key of this.#services.keys()) if (!pass.plan.decisions.has(key)) this.#services.delete(key)
    return files
  }
}

const isSameList = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((one, index) => one === b[index])

function serviceStatus(
  service: string,
  decision: AllocationDecision,
  nodes: readonly (readonly [string, Decision | undefined])[],
): object {
  if (decision.kind === 'refused') return { service, addresses: [], reason: decision.reason, message: decision.message }
  return {
    service,
    addresses: decision.addresses.map(({ address, pool }) => ({ ip: formatAddress(address), pool })),
    ...(decision.notice === undefined
      ? {}
      : { notice: { reason: decision.notice.reason, message: decision.notice.message } }),
    nodes: nodes.flatMap(([node, one]) => (one === undefined ? [] : [nodeDecision(node, one)])),
  }
}

function nodeDecision(node: string, decision: Decision): object {
  const withheld = decision.withheld.map(({ address, reason, message }) => ({
    ip: formatAddress(address),
    reason,
    message,
  }))
  if (decision.kind === 'withheld') return { node, announced: [], reason: decision.reason, message: decision.message }
  return {
    node,
    announced: decision.routes.map(({ prefix, peers }) => ({ prefix: formatPrefix(prefix), peers: [...peers] })),
    ...(withheld.length > 0 ? { withheld } : {}),
  }
}

function nodeFiles(pass: Pass, sessions: SessionsView): ReadonlyMap<string, object> {
  const snapshots = new Map(sessions.sessions().map(({ wanted: { key }, snapshot }) => [key, snapshot]))
  return new Map(
    [...pass.nodePlans.keys()].map((node) => [
      node,
      {
        node,
        sessions: sessions
          .wanted()
          .filter((session) => session.node === node)
          .map((session) => sessionStatus(session, snapshots.get(session.key))),
      },
    ]),
  )
}

interface Offer {
  readonly peers: string[]
  readonly prefixes: readonly string[]
}

/** Peers that are offered the same prefixes stand together: fifty peers with ten thousand routes are one list. */
function offersOf(routes: NodePlan['routes']): readonly Offer[] {
  const offers: { readonly routes: readonly PeerRoute[]; readonly offer: Offer }[] = []
  for (const [peer, own] of routes) {
    const same = offers.find((one) => hasSamePrefixes(one.routes, own))
    if (same !== undefined) same.offer.peers.push(peer)
    else {
      const prefixes = own.map(({ prefix }) => formatPrefix(prefix))
      offers.push({ routes: own, offer: { peers: [peer], prefixes } })
    }
  }
  return offers.map(({ offer }) => offer)
}

const hasSamePrefixes = (a: readonly PeerRoute[], b: readonly PeerRoute[]): boolean =>
  a.length === b.length && a.every(({ prefix }, index) => prefix === b[index]?.prefix)

/** Nothing that changes while the session stays as it is: counters and ages would rewrite the file for ever. */
function sessionStatus({ peer, remoteText, terms }: WantedSession, snapshot: PeerSnapshot | undefined): object {
  if ('obstacle' in terms) return { peer, remote: remoteText, state: 'not opened', message: terms.obstacle }
  const negotiated = snapshot?.negotiated
  return {
    peer,
    remote: remoteText,
    state: stateLabel[snapshot?.state ?? 'idle'],
    ...(snapshot?.lastFailure === undefined || negotiated !== undefined
      ? {}
      : { reason: snapshot.lastFailure.reason.code, message: snapshot.lastFailure.reason.message }),
    ...(negotiated === undefined
      ? {}
      : {
          remoteAsn: negotiated.remoteAsn,
          holdTimeSeconds: negotiated.holdTimeSeconds,
          keepaliveSeconds: negotiated.keepaliveSeconds,
          families: [...negotiated.families],
          localAddress: formatAddress(negotiated.localAddress),
        }),
  }
}
