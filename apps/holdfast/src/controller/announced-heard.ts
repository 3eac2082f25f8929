import type { Keep, KubeObject } from '@holdfast/cluster'
import { createSharing } from '@holdfast/cluster'
import type { Family } from '@holdfast/ip'
import { listAt, textAt } from '../kubernetes/fields-at.ts'
import * as offers from '../kubernetes/offers.ts'

/** What a ServiceBGPStatus says, and whose word it is. */
export interface Offer extends offers.Offer {
  /** uid of the Pod that owns it: the speaker that said so; empty: it has no owner, as of a speaker outside of a Pod. */
  readonly pod: string
}

/** What the speaker of a node says of itself, as far as a Service's condition depends on it. */
export interface NodeWord {
  /** Why the node announces nothing at all (condition Announcing of the NodeState); undefined: it announces. */
  readonly silent: { readonly reason: string; readonly message: string } | undefined
  /** By name of the BGPPeer whose session is Established: the families that it has agreed on. */
  readonly established: Readonly<Record<string, readonly Family[]>>
  /** How the others stand, in words, by name of the BGPPeer. */
  readonly down: Readonly<Record<string, string>>
  /** Whether no ServiceBGPStatus tells what the node offers (`--service-statuses none`). */
  readonly isMute: boolean
}

/**
 * What is kept of a ServiceBGPStatus. There is one for each Service and node, so that what many have in common is kept once and
 * nothing else is.
 */
export function createKeepOffer(): Keep {
  const share = createSharing((text) => text)
  const shareList = createSharing((names): readonly string[] => (names === '' ? [] : names.split(' ')))
  return (object) => {
    const { metadata } = object
    const said = offers.offerOf(object)
    const owner = listAt(metadata, 'ownerReferences').find((one) => textAt(one, 'kind') === 'Pod')
    const offer: Offer = {
      service: share(said.service),
      node: share(said.node),
      peers: shareList(said.peers.join(' ')),
      pod: share(textAt(owner, 'uid')),
    }
    return { ...identityOf(metadata, share), apiVersion: 'metallb.io/v1beta1', kind: 'ServiceBGPStatus', offer }
  }
}

/** What is kept of a NodeState: so that one whose counters move says nothing new. */
export const keepNodeWord: Keep = ({ metadata, status }) => ({
  ...identityOf(metadata, (text) => text),
  apiVersion: 'holdfast.dev/v1alpha1',
  kind: 'NodeState',
  word: wordOf(status),
})

/** Of an object that `createKeepOffer` kept. */
export const offerIn = (object: KubeObject): Offer => object['offer'] as Offer

/** Of an object that `keepNodeWord` kept. */
export const wordIn = (object: KubeObject): NodeWord => object['word'] as NodeWord

function wordOf(status: unknown): NodeWord {
  const announcing = listAt(status, 'conditions').find((one) => textAt(one, 'type') === 'Announcing')
  const isSilent = textAt(announcing, 'status') === 'False'
  const sessions = listAt(status, 'sessions')
  const established = sessions.filter(isEstablished).map((one) => [textAt(one, 'peer'), familiesOf(one)] as const)
  const down = sessions.filter((one) => !isEstablished(one)).map(standing)
  return {
    silent: isSilent ? { reason: textAt(announcing, 'reason'), message: textAt(announcing, 'message') } : undefined,
    established: Object.fromEntries(established),
    down: Object.fromEntries(down),
    isMute: textAt(status, 'serviceStatuses') === 'None',
  }
}

const isEstablished = (session: unknown): boolean => textAt(session, 'state') === 'Established'

/** As the NodeState names them. One that names none leaves it open: the BGPPeer decides. */
function familiesOf(session: unknown): readonly Family[] {
  const names = listAt(session, 'negotiated', 'families')
  if (names.length === 0) return bothFamilies
  return bothFamilies.filter((family) => names.includes(familyNames[family]))
}

const bothFamilies: readonly Family[] = ['ipv4', 'ipv6']

export const familyNames = { ipv4: 'IPv4', ipv6: 'IPv6' } as const satisfies Readonly<Record<Family, string>>

function standing(session: unknown): readonly [string, string] {
  const state = textAt(session, 'state')
  const why = textAt(session, 'lastError') || textAt(session, 'reason')
  return [textAt(session, 'peer'), why === '' ? state : `${state}: ${why}`]
}

/** The one thing more that following needs is the uid: it tells an object from one made anew under its name. */
function identityOf({ name, namespace, uid }: KubeObject['metadata'], share: (text: string) => string) {
  const where = namespace === undefined ? {} : { namespace: share(namespace) }
  return { metadata: { name, ...where, ...(uid === undefined ? {} : { uid }) } }
}
