import { carriesFamily } from '@holdfast/announce'
import type { FollowedState, KubeApi, KubeObject, KubernetesSource, Reflector, ResourceType } from '@holdfast/cluster'
import { createReflector, resourceTypes } from '@holdfast/cluster'
import type { Model } from '@holdfast/model'
import type { Alarm, Clock } from '@holdfast/runtime'
import type { Log } from '../kubernetes/log.ts'
import type { AnnouncedClaim, Heard } from './announced-claim.ts'
import { noAddress, notToldYet, offeredClaim, refusedClaim } from './announced-claim.ts'
import { createKeepOffer, keepNodeWord, offerIn, wordIn } from './announced-heard.ts'
import { createOffers } from './announced-offers.ts'
import { refusalsOf, slicesIn } from './announced-refusals.ts'
import { createSpeakers, keepSpeakerPod, podIn, podType } from './announced-speakers.ts'
import type { Word } from './announced-writer.ts'
import { createAnnouncedWriter } from './announced-writer.ts'
import { createGoneNodes } from './gone-nodes.ts'
import type { Planned } from './planner.ts'
import { assignedCondition, announcedCondition, conditionOf, ingressOf, isServed } from './service-object.ts'
import { fieldsOf } from '../kubernetes/fields-at.ts'
import { objectKeyOf } from '../kubernetes/object-key.ts'

export interface AnnouncedOptions {
  readonly api: KubeApi
  readonly clock: Clock
  /** Time of day in ms. */
  readonly nowMs: () => number
  /** 0 to below 1. */
  readonly random: () => number
  readonly log: Log
  readonly namespace: string
  readonly loadBalancerClass: string | undefined
  /** What the controller follows: Services and Nodes are read from it. */
  readonly source: Pick<KubernetesSource, 'object' | 'objects'>
  readonly mayWrite: () => boolean
  /** Told whenever a kind's fault comes, changes or goes. */
  readonly observe: (state: FollowedState) => void
}

/**
 * Says of each Service whether it is announced, and why not: condition holdfast.dev/Announced. What speakers tell is followed while this
 * replica leads.
 */
export interface Announced {
  readonly lead: () => void
  /** What was planned last: Nodes or the configuration may have changed. `changed` are the keys of Services that may have. */
  readonly planned: (planned: Planned, changed: ReadonlySet<string>) => void
  /** This replica leads no more, or ends. Resolves when what is under way is done. */
  readonly rest: () => Promise<void>
}

export function createAnnounced(options: AnnouncedOptions): Announced {
  let following: ReturnType<typeof follow> | undefined
  let model: Model | undefined
  const rest = async (): Promise<void> => {
    const before = following
    following = undefined
    await before?.stop()
  }
  return {
    lead: () => {
      void rest()
      following = follow(options)
      if (model !== undefined) following.planned(model, none)
    },
    planned: ({ evaluation }, changed) => {
      model = evaluation.model
      following?.planned(model, changed)
    },
    rest,
  }
}

interface Known {
  readonly object: KubeObject
}

/** What many nodes say at once, as in a rollout, is one look at the Services that nobody announces. */
const gatherMs = 200

const none: ReadonlySet<string> = new Set()

/** What one term of leading knows. */
function follow(options: AnnouncedOptions) {
  const { api, clock, random, log, namespace, source } = options
  const offers = createOffers()
  let unheard: ReadonlySet<string> = new Set()
  let model: Model | undefined
  let isStopped = false
  let gathering: Alarm | undefined
  /** When a node last said that it offers a Service. */
  let offeredMs = -Infinity

  const reflector = (
    type: ResourceType,
    keep: (object: KubeObject) => KubeObject,
    changed: (before: KubeObject | undefined, after: KubeObject | undefined) => void,
  ): Reflector<Known> =>
    createReflector<Known>({
      api,
      clock,
      random,
      followed: { type, selection: { namespace }, keep, isOptional: true },
      make: (object) => ({ object }),
      refresh: () => undefined,
      changed: (before, after) => changed(before?.object, after?.object),
      listed: () => undefined,
      observe: (state) => {
        options.observe(state)
        if (state.fault === undefined ? state.isSynced : state.fault.code === 'forbidden') lookAtAll()
      },
    })

  const statuses = reflector(resourceTypes.ServiceBGPStatus, createKeepOffer(), (before, after) => {
    const [old, fresh] = [before, after].map((object) => (object === undefined ? undefined : offerIn(object)))
    offers.put(old, fresh)
    if (fresh !== undefined) offeredMs = clock.now()
    for (const offer of [old, fresh]) if (offer !== undefined) look(offer.service)
  })
  const states = reflector(resourceTypes.NodeState, keepNodeWord, (before, after) => {
    const node = (after ?? before)?.metadata.name
    if (node !== undefined) lookAtNode(node)
  })
  const pods = reflector(podType, keepSpeakerPod, (before, after) => {
    speakers.put(before, after)
    for (const node of new Set([before, after].flatMap((object) => (object === undefined ? [] : podIn(object).node)))) {
      lookAtNode(node)
    }
  })
  const speakers = createSpeakers(() => pods.state().isSynced)

  const heard: Heard = {
    wordOf: (node) => {
      const known = states.known.get(`${namespace}/${node}`)
      return known === undefined ? undefined : wordIn(known.object)
    },
    isHeard: (node) => !unheard.has(node) && model?.nodes.has(node) === true,
    stoppedBehind: speakers.stoppedBehind,
    stoppedOn: speakers.stoppedOn,
    carries: (name, family) => {
      const peer = model?.peers.get(`${namespace}/${name}`)
      return peer === undefined || carriesFamily(peer, family)
    },
  }
  const isKnown = (): boolean =>
    model !== undefined &&
    statuses.state().isSynced &&
    states.state().isSynced &&
    (pods.state().isSynced || pods.state().fault?.code === 'forbidden')

  const writer = createAnnouncedWriter({
    ...options,
    mayWrite: () => options.mayWrite() && !isStopped,
    serviceOf: (key) => (isKnown() ? serviceOf(key) : undefined),
    wordOf,
    whyUnoffered,
    offeredMs: () => offeredMs,
  })

  const goneNodes = createGoneNodes({
    ...options,
    mayWrite: () => options.mayWrite() && !isStopped,
    hasState: (node) => states.known.has(`${namespace}/${node}`),
    hasNode: (node) => source.object(resourceTypes.Node, { namespace: '', name: node }) !== undefined,
    hasSpeaker: speakers.runsOn,
  })

  function serviceOf(key: string): KubeObject | undefined {
    const object = source.object(resourceTypes.Service, objectKeyOf(key))
    return object !== undefined && isServed(object, options.loadBalancerClass) ? object : undefined
  }

  function wordOf(key: string, service: KubeObject): Word {
    const assigned = conditionOf(service, assignedCondition)
    // The controller has not come to it yet, or leaves it alone.
    if (assigned === undefined) return { kind: 'nothing' }
    if (ingressOf(service).length === 0) return { kind: 'say', claim: noAddress(assigned.message) }
    const claim = offeredClaim({ addresses: ingressOf(service), offers: offers.of(key) }, heard)
    if (claim !== undefined) return { kind: 'say', claim }
    return states.known.size === 0 ? { kind: 'say', claim: notToldYet } : { kind: 'unoffered' }
  }

  /** First from the configuration, which is known; the Service's endpoints are asked for only where it allows the announcement. */
  async function whyUnoffered(key: string): Promise<AnnouncedClaim | undefined> {
    const service = model?.services.get(key)
    if (model === undefined || service === undefined) return undefined
    const byConfiguration = refusedClaim(refusalsOf({ model, service, heard }, undefined))
    if (byConfiguration.status === 'False') return byConfiguration
    const selection = {
      namespace: service.meta.ref.namespace,
      labelSelector: `kubernetes.io/service-name=${service.meta.ref.name}`,
      isCachedEnough: true,
    }
    const answer = await api.list(resourceTypes.EndpointSlice, selection)
    if (answer.kind === 'fault') {
      log.log('debug', 'endpointsNotRead', answer.message, { service: key, code: answer.code })
      return byConfiguration
    }
    return refusedClaim(refusalsOf({ model, service, heard }, slicesIn(answer.value.items)))
  }

  function look(key: string): void {
    if (isKnown()) writer.look(key)
  }

  function lookAtAll(): void {
    if (isKnown()) for (const service of served()) writer.look(keyOf(service))
  }

  function* served(): Generator<KubeObject> {
    for (const service of source.objects(resourceTypes.Service)) {
      if (isServed(service, options.loadBalancerClass)) yield service
    }
  }

  /** What one node says matters to the Services that it offers, and to those that nobody does. */
  function lookAtNode(node: string): void {
    for (const key of offers.ofNode(node)) look(key)
    if (model !== undefined) goneNodes.look(node)
    gathering ??= clock.after(gatherMs, () => {
      gathering = undefined
      lookAtUnannounced()
    })
  }

  function lookAtUnannounced(): void {
    for (const service of served()) {
      if (conditionOf(service, announcedCondition)?.status !== 'True') look(keyOf(service))
    }
  }

  function lookAtNodes(): void {
    const before = unheard
    unheard = unheardNodes(source.objects(resourceTypes.Node))
    for (const node of new Set([...before, ...unheard])) if (before.has(node) !== unheard.has(node)) lookAtNode(node)
  }

  for (const one of [statuses, states, pods]) one.start()
  return {
    planned: (next: Model, changed: ReadonlySet<string>): void => {
      const before = model
      model = next
      lookAtNodes()
      if (before?.nodes !== next.nodes)
        for (const { object } of states.known.values()) goneNodes.look(object.metadata.name)
      if (before === undefined || !isSameConfiguration(before, next)) lookAtAll()
      else for (const key of changed) look(key)
    },
    stop: async (): Promise<void> => {
      isStopped = true
      gathering?.cancel()
      for (const one of [statuses, states, pods]) {
        one.stop()
        options.observe({ ...one.state(), fault: undefined })
      }
      await Promise.all([writer.stop(), goneNodes.stop()])
    },
  }
}

const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`

/** As far as it decides what nodes announce. */
const isSameConfiguration = (a: Model, b: Model): boolean =>
  a.pools === b.pools && a.advertisements === b.advertisements && a.peers === b.peers && a.nodes === b.nodes

/** Nodes whose kubelets are not heard: what their speakers said last may not hold any more (NodeReady is Unknown). */
function unheardNodes(nodes: Iterable<KubeObject>): ReadonlySet<string> {
  const names = new Set<string>()
  for (const { metadata, status } of nodes) {
    const { conditions } = fieldsOf(status)
    const ready = (Array.isArray(conditions) ? conditions : []).map(fieldsOf).find(({ type }) => type === 'Ready')
    if (ready?.['status'] === 'Unknown') names.add(metadata.name)
  }
  return names
}
