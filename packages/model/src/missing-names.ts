import { formatPath } from './fields.ts'
import type { PeerPolicy } from './peer-policy.ts'
import { closest } from './spelling.ts'
import type { BGPAdvertisement, NotInForce } from './types.ts'

/** The names of all objects, broken ones among them: what is wrong with those is told on their own. */
export interface Names {
  readonly pools: ReadonlySet<string>
  readonly peers: ReadonlySet<string>
}

/** Names of a list that lead nowhere. MetalLB passes over them in silence, as the object may come later. */
export function missingNames(object: BGPAdvertisement | PeerPolicy, names: Names): readonly NotInForce[] {
  const missing = (field: string, kind: string, list: readonly string[], there: ReadonlySet<string>) =>
    list.flatMap((name, index): readonly NotInForce[] => {
      if (there.has(name)) return []
      const suggestion = closest(name, there)
      const reason = `no ${kind} of this name${suggestion === undefined ? '' : `: did you mean "${suggestion}"?`}`
      return [{ object: object.meta.ref, path: formatPath(['spec', field, index]), value: name, reason }]
    })
  const pools = object.kind === 'BGPAdvertisement' ? object.ipAddressPools : []
  return [
    ...missing('ipAddressPools', 'IPAddressPool', pools, names.pools),
    ...missing('peers', 'BGPPeer', object.peers, names.peers),
  ]
}
