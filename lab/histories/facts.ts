import { Json } from '../harness/json.ts'

/*
 * What the API server says of Services, pools, blocks and the Lease, one fact for each write: in the order of resourceVersions, which is etcd's
 * own and the same for all kinds. Read from the objects here, with nothing of the program that is judged.
 */

export type Family = 'IPv4' | 'IPv6'

/** With whom an address may be shared: the same key, and no port in common. */
export interface Terms {
  /** Empty: with nobody. */
  readonly key: string
  readonly ports: readonly string[]
}

/** What people say of a Service. */
export interface Wish {
  /** Of type LoadBalancer, and of the class that is served. */
  readonly isServed: boolean
  readonly families: readonly Family[]
  readonly policy: string
  readonly terms: Terms
  /** Addresses that it asks for; empty: any. */
  readonly requested: readonly string[]
  /** The pool that it asks for; empty: any. */
  readonly pool: string
}

export interface ServiceFact {
  readonly kind: 'Service'
  readonly revision: number
  readonly isDeleted: boolean
  readonly name: string
  readonly uid: string
  readonly wish: Wish
  /** Those of its status. */
  readonly addresses: readonly string[]
}

export interface PoolFact {
  readonly kind: 'IPAddressPool'
  readonly revision: number
  readonly isDeleted: boolean
  readonly name: string
  readonly addresses: ReadonlySet<string>
  readonly isForAll: boolean
}

export interface BlockFact {
  readonly kind: 'AddressBlock'
  readonly revision: number
  readonly atMs: number
  readonly isDeleted: boolean
  readonly name: string
  /** `ADDRESS UID`, one for each holder. */
  readonly grants: readonly string[]
  /** By address: the number of the leadership for which it is set aside. */
  readonly reserved: ReadonlyMap<string, string>
}

export interface LeaseFact {
  readonly kind: 'Lease'
  readonly revision: number
  readonly atMs: number
  readonly isDeleted: boolean
  readonly name: string
  /** The pod's name, without what is behind it by chance. Empty: it was given back. */
  readonly holder: string
}

export type Fact = ServiceFact | PoolFact | BlockFact | LeaseFact

export const familyOf = (address: string): Family => (address.includes(':') ? 'IPv6' : 'IPv4')

export const grant = (address: string, uid: string): string => `${address} ${uid}`

/** Who has the Lease is said as NAME_CHANCE. */
export const podOf = (identity: string): string => identity.replace(/_[^_]*$/, '')

/** The address of a grant. */
export const addressIn = (granted: string): string => granted.slice(0, granted.indexOf(' '))

/**
 * An event of a watch. `servedClass` is the class of the program that is judged; `atMs` is when it arrived, by a clock that passes as the
 * controllers' do at rate 1.
 */
export function factOf(
  kind: Fact['kind'],
  { servedClass, atMs = 0 }: { readonly servedClass: string; readonly atMs?: number },
  event: Json,
): Fact {
  const object = event.at('object')
  const metadata = object.at('metadata')
  const common = {
    revision: Number(metadata.at('resourceVersion').text()),
    isDeleted: event.at('type').text() === 'DELETED',
    name: metadata.at('name').text(),
  }
  if (kind === 'Service') return { kind, ...common, uid: metadata.at('uid').text(), ...serviceOf(object, servedClass) }
  const spec = object.at('spec')
  if (kind === 'AddressBlock') {
    return { kind, ...common, atMs, grants: grantsOf(spec.at('addresses')), reserved: reservedOf(spec.at('reserved')) }
  }
  if (kind === 'Lease') return { kind, ...common, atMs, holder: podOf(spec.at('holderIdentity').textOr('')) }
  const addresses = spec.at('addresses').list()
  return {
    kind,
    ...common,
    addresses: new Set(addresses.map((cidr) => cidr.text().replace(/\/\d+$/, ''))),
    isForAll: spec.at('autoAssign').isMissing || spec.at('autoAssign').isTrue(),
  }
}

function serviceOf(object: Json, servedClass: string): Pick<ServiceFact, 'wish' | 'addresses'> {
  const spec = object.at('spec')
  const annotations = object.at('metadata').at('annotations')
  const said = (name: string): string => annotations.at(`metallb.io/${name}`).textOr('')
  const isServed = spec.at('type').text() === 'LoadBalancer' && spec.at('loadBalancerClass').textOr('') === servedClass
  const ports = spec.at('ports').list()
  const ingress = object.at('status').at('loadBalancer').at('ingress').list()
  const wish: Wish = {
    isServed,
    families: spec.at('ipFamilies').list().map(readFamily),
    policy: spec.at('ipFamilyPolicy').textOr(''),
    terms: {
      key: said('allow-shared-ip'),
      ports: ports.map((port) => `${port.at('protocol').text()}/${port.at('port').number()}`),
    },
    requested: said('loadBalancerIPs')
      .split(',')
      .filter((text) => text !== ''),
    pool: said('address-pool'),
  }
  return { wish, addresses: ingress.map((entry) => entry.at('ip').text()) }
}

const readFamily = (family: Json): Family => (family.text() === 'IPv6' ? 'IPv6' : 'IPv4')

/** By address a line of JSON. */
const grantsOf = (addresses: Json): readonly string[] =>
  addresses.keys().flatMap((address) =>
    Json.parse(addresses.at(address).text())
      .at('holders')
      .list()
      .map((holder) => grant(address, holder.at('uid').text())),
  )

/** By address a number as text. */
const reservedOf = (reserved: Json): ReadonlyMap<string, string> =>
  new Map(reserved.keys().map((address) => [address, reserved.at(address).text()]))
