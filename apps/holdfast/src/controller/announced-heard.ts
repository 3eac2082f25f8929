import type { Keep, KubeObject } from '@holdfast/cluster'
import { fieldsOf } from '../kubernetes/fields-at.ts'

/** What a ServiceBGPStatus says: a node offers a Service to these peers. */
export interface Offer {
  /** Key `namespace/name` of the Service. */
  readonly service: string
  readonly node: string
  /** Names of BGPPeers. */
  readonly peers: readonly string[]
}

/** What the speaker of a node says of itself, as far as a Service's condition depends on it. */
export interface NodeWord {
  /** Why the node announces nothing at all (condition Announcing of the NodeState); undefined: it announces. */
  readonly silent: { readonly reason: string; readonly message: string } | undefined
  /** Names of the BGPPeers whose sessions are Established, sorted. */
  readonly established: readonly string[]
  /** How the others stand, in words, by name of the BGPPeer. */
  readonly down: Readonly<Record<string, string>>
}

/**
 * What is kept of a ServiceBGPStatus. There is one for each Service and node, so that what many have in common is kept once and
 * nothing else is.
 */
export function createKeepOffer(): Keep {
  const texts = new Map<string, string>()
  const lists = new Map<string, readonly string[]>()
  return ({ metadata, status }) => {
    const said = fieldsOf(status)
    const peers = (Array.isArray(said['peers']) ? said['peers'] : []).filter((peer) => typeof peer === 'string')
    const offer: Offer = {
      service: once(texts, `${textOf(said['serviceNamespace'])}/${textOf(said['serviceName'])}`),
      node: once(texts, textOf(said['node'])),
      peers: sharedList(lists, peers),
    }
    return { ...identityOf(metadata, texts), apiVersion: 'metallb.io/v1beta1', kind: 'ServiceBGPStatus', offer }
  }
}

/** What is kept of a NodeState: so that one whose counters move says nothing new. */
export const keepNodeWord: Keep = ({ metadata, status }) => ({
  ...identityOf(metadata, new Map()),
  apiVersion: 'holdfast.dev/v1alpha1',
  kind: 'NodeState',
  word: wordOf(fieldsOf(status)),
})

/** Of an object that `createKeepOffer` kept. */
export const offerIn = (object: KubeObject): Offer => object['offer'] as Offer

/** Of an object that `keepNodeWord` kept. */
export const wordIn = (object: KubeObject): NodeWord => object['word'] as NodeWord

function wordOf(status: Readonly<Record<string, unknown>>): NodeWord {
  const announcing = recordsOf(status['conditions']).find(({ type }) => type === 'Announcing')
  const isSilent = announcing?.['status'] === 'False'
  const sessions = recordsOf(status['sessions'])
  const established = sessions.filter(({ state }) => state === 'Established').map(({ peer }) => textOf(peer))
  const down = sessions.filter(({ state }) => state !== 'Established').map(standing)
  return {
    silent: isSilent ? { reason: textOf(announcing['reason']), message: textOf(announcing['message']) } : undefined,
    established: established.sort(),
    down: Object.fromEntries(down),
  }
}

function standing({ peer, state, lastError, reason }: Readonly<Record<string, unknown>>): readonly [string, string] {
  const why = textOf(lastError) || textOf(reason)
  return [textOf(peer), why === '' ? textOf(state) : `${textOf(state)}: ${why}`]
}

/** The one thing more that following needs is the uid: it tells an object from one made anew under its name. */
function identityOf({ name, namespace, uid }: KubeObject['metadata'], texts: Map<string, string>) {
  const where = namespace === undefined ? {} : { namespace: once(texts, namespace) }
  return { metadata: { name, ...where, ...(uid === undefined ? {} : { uid }) } }
}

/** Beyond so many different ones, sharing is not worth its memory. */
const mostShared = 50_000

function once(texts: Map<string, string>, text: string): string {
  const known = texts.get(text)
  if (known !== undefined) return known
  if (texts.size >= mostShared) texts.clear()
  texts.set(text, text)
  return text
}

function sharedList(lists: Map<string, readonly string[]>, list: readonly string[]): readonly string[] {
  const key = list.join(' ')
  const known = lists.get(key)
  if (known !== undefined) return known
  if (lists.size >= mostShared) lists.clear()
  lists.set(key, list)
  return list
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

const recordsOf = (value: unknown): readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) ? value.map(fieldsOf) : []
