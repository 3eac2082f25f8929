import type { BGPAdvertisement, BGPPeer, Fault } from '@holdfast/model'
import { announcesPool, isInternalPeer, selects } from '@holdfast/model'
import { listAt, textAt, valueAt } from '../kubernetes/fields-at.ts'
import type { Finding } from './finding.ts'
import { finding, findingAbout } from './finding.ts'
import { selectorOf } from './raw-selector.ts'
import { withoutEffect } from './without-effect.ts'
import type { BgpType, Found, World } from './world.ts'
import { objectText } from './world.ts'

/** What of pools, peers and advertisements would be refused, or means something else here than in MetalLB. */
export function configurationFindings(world: World): readonly Finding[] {
  const { model, faults } = world.evaluation
  const peers = [...model.peers.values()]
  return [
    ...faults.filter(isTold).map(faultFinding),
    ...world.refused.map(({ object, message }) => finding('invalid-object', [object], { message })),
    ...layer2Findings(world),
    ...peerFindings(peers, world),
    ...localPreferences(peers, [...model.advertisements.values()], world),
    ...findingAbout(
      'disable-mp',
      peersWhere(world, ({ value }) => valueAt(value, 'spec', 'disableMP') === true),
    ),
    ...findingAbout('hold-time-zero', peersWhere(world, isOldWithZero)),
    ...idleFindings(world),
  ]
}

/** Files need not have the Nodes, or all of the pools. */
function idleFindings({ of, isLive }: World): readonly Finding[] {
  if (!isLive) return []
  const values = (group: string, kind: string): readonly unknown[] => of(group, kind).map(({ value }) => value)
  return withoutEffect({
    pools: values('metallb.io', 'IPAddressPool'),
    peers: values('metallb.io', 'BGPPeer'),
    advertisements: values('metallb.io', 'BGPAdvertisement'),
    nodes: values('', 'Node'),
  }).map(({ object, message }) => finding('without-effect', [object], { message }))
}

/** Secrets are not read here: that one is missing is nothing that is known. */
const isTold = ({ code }: Fault): boolean => code !== 'unknown-secret' && code !== 'unusable-secret'

function faultFinding({ object, path, message, remedy, file, line }: Fault): Finding {
  const place = file === '' ? '' : ` (${file}${line === undefined ? '' : `:${line}`})`
  return finding('invalid-object', [objectText(object.kind, object.namespace, object.name)], {
    message: `${path === '' ? '' : `${path}: `}${message}${place}`,
    remedy,
  })
}

function layer2Findings({ of, evaluation }: World): readonly Finding[] {
  const announced = of('metallb.io', 'L2Advertisement')
  const { pools, advertisements } = evaluation.model
  const alone = [...pools.values()].filter(
    (pool) =>
      announced.some(({ value }) => isOfPool(value, pool.meta)) &&
      ![...advertisements.values()].some((advertisement) => announcesPool(advertisement, pool)),
  )
  return [
    ...findingAbout('l2-advertisement', textsOf(announced)),
    ...findingAbout('l2-only-pool', alone.map(textOf)),
    ...findingAbout('l2-status', textsOf(of('metallb.io', 'ServiceL2Status'))),
  ]
}

type Named = Pick<BGPPeer['meta'], 'ref' | 'labels'>

/** An L2Advertisement is not parsed by the model, which does not obey it. With neither names nor selectors it has every pool. */
function isOfPool(advertisement: unknown, { ref, labels }: Named): boolean {
  const names = listAt(advertisement, 'spec', 'ipAddressPools')
  const selectors = listAt(advertisement, 'spec', 'ipAddressPoolSelectors')
  if (names.length + selectors.length === 0) return true
  return names.includes(ref.name) || selectors.some((selector) => selects(selectorOf(selector), labels))
}

interface PeerRule {
  readonly code: 'hold-time-default' | 'source-address-takes-effect' | 'local-asn-takes-effect' | 'graceful-restart'
  /** MetalLB's back-ends in which it is otherwise than here. */
  readonly types: readonly BgpType[]
  readonly concerns: (peer: BGPPeer) => boolean
}

const everyType: readonly BgpType[] = ['native', 'frr', 'frr-k8s']

const peerRules: readonly PeerRule[] = [
  {
    code: 'hold-time-default',
    types: ['frr', 'frr-k8s'],
    concerns: ({ holdTimeMs, keepaliveTimeMs }) => holdTimeMs === undefined && keepaliveTimeMs === undefined,
  },
  {
    code: 'source-address-takes-effect',
    types: ['frr-k8s'],
    concerns: ({ sourceAddress }) => sourceAddress !== undefined,
  },
  { code: 'local-asn-takes-effect', types: ['frr-k8s'], concerns: ({ localASN }) => localASN !== undefined },
  {
    code: 'graceful-restart',
    types: everyType,
    concerns: ({ enableGracefulRestart }) => !enableGracefulRestart,
  },
]

function peerFindings(peers: readonly BGPPeer[], { bgpType }: World): readonly Finding[] {
  const isPossible = (types: readonly BgpType[]): boolean => bgpType === undefined || types.includes(bgpType)
  const timed = peers.filter(({ holdTimeMs }) => holdTimeMs !== 0)
  return [
    ...peerRules
      .filter(({ types }) => isPossible(types))
      .flatMap(({ code, concerns }) => findingAbout(code, peers.filter(concerns).map(textOf))),
    ...(isPossible(['native']) ? findingAbout('hold-time-enforced', timed.map(textOf)) : []),
  ]
}

/** Advertisements without a preference that reach peers of the same AS, where MetalLB's native back-end announces them. */
function localPreferences(
  peers: readonly BGPPeer[],
  advertisements: readonly BGPAdvertisement[],
  { bgpType }: World,
): readonly Finding[] {
  if (bgpType !== undefined && bgpType !== 'native') return []
  const internal = new Set(peers.filter(isInternalPeer).map(({ meta }) => meta.ref.name))
  const unset = advertisements.filter(
    ({ localPref, peers: named }) =>
      localPref === undefined && internal.size > 0 && (named.length === 0 || named.some((name) => internal.has(name))),
  )
  return findingAbout('local-pref-default', unset.map(textOf))
}

const peersWhere = ({ of }: World, concerns: (peer: Found) => boolean): readonly string[] =>
  textsOf(of('metallb.io', 'BGPPeer').filter(concerns))

/** In files, or in the copy that kubectl keeps of what was applied: the API server hands out v1beta2. */
function isOldWithZero({ value }: Found): boolean {
  const applied = textAt(value, 'metadata', 'annotations', 'kubectl.kubernetes.io/last-applied-configuration')
  const given = [value, parsed(applied)].filter((one) => textAt(one, 'apiVersion') === 'metallb.io/v1beta1')
  return given.some((one) =>
    ['holdTime', 'keepaliveTime'].some((field) => /^(?:0[a-zµ]*)+$/.test(textAt(one, 'spec', field))),
  )
}

function parsed(json: string): unknown {
  try {
    return json === '' ? undefined : JSON.parse(json)
  } catch {
    // Whoever wrote that annotation by hand, it is not kubectl's.
    return undefined
  }
}

const textOf = ({ meta, kind }: { readonly meta: Named; readonly kind: string }): string =>
  objectText(kind, meta.ref.namespace, meta.ref.name)

const textsOf = (objects: readonly Found[]): readonly string[] => objects.map(({ text }) => text)
