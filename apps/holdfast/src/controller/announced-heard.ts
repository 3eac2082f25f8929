import type { Keep, KubeObject } from '@holdfast/cluster'
import { fieldsOf } from '../kubernetes/fields-at.ts'
import { createSharedTexts, createSharing } from './share-once.ts'

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
  const share = createSharedTexts()
  const shareList = createSharing<readonly string[]>()
  return ({ metadata, status }) => {
    const said = fieldsOf(status)
    const peers = (Array.isArray(said['peers']) ? said['peers'] : []).filter((peer) => typeof peer === 'string')
    const offer: Offer = {
      service: share(`${textOf(said['serviceNamespace'])}/${textOf(said['serviceName'])}`),
      node: share(textOf(said['node'])),
      peers: shareList(peers.join(' '), peers),
    }
    return { ...identityOf(metadata, share), apiVersion: 'metallb.io/v1beta1', kind: 'ServiceBGPStatus', offer }
  }
}

/** What is kept of a NodeState: so that one whose counters move says nothing new. */
export const keepNodeWord: Keep = ({ metadata, status }) => ({
  ...identityOf(metadata, (text) => text),
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
function identityOf({ name, namespace, uid }: KubeObject['metadata'], share: (text: string) => string) {
  const where = namespace === undefined ? {} : { namespace: share(namespace) }
  return { metadata: { name, ...where, ...(uid === undefined ? {} : { uid }) } }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

const recordsOf = (value: unknown): readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) ? value.map(fieldsOf) : []
