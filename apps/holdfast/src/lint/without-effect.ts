import { selects } from '@holdfast/model'
import { fieldsOf, listAt, textAt, valueAt } from '../kubernetes/fields-at.ts'
import { selectorOf } from './raw-selector.ts'

/** Objects as the API server has them, refused ones too: what is refused is there, and said elsewhere. */
export interface Configuration {
  readonly pools: readonly unknown[]
  readonly peers: readonly unknown[]
  readonly advertisements: readonly unknown[]
  /** Empty: they are not known, and nothing is said of what selects them. */
  readonly nodes: readonly unknown[]
}

/** An object that does nothing, or less than it names. */
export interface WithoutEffect {
  /** `Kind NAMESPACE/NAME` */
  readonly object: string
  readonly message: string
}

/** Advertisements whose pools, peers or nodes are not there, and BGPPeers whose nodes are not: nobody else tells of them. */
export function withoutEffect(all: Configuration): readonly WithoutEffect[] {
  return [
    ...all.advertisements.flatMap((one) => saidOf(one, 'BGPAdvertisement', advertisementObstacles(one, all))),
    ...all.peers.flatMap((one) => saidOf(one, 'BGPPeer', nodeObstacles(one, all))),
  ]
}

function saidOf(object: unknown, kind: string, messages: readonly string[]): readonly WithoutEffect[] {
  const text = `${kind} ${textAt(object, 'metadata', 'namespace')}/${nameOf(object)}`
  return messages.length === 0 ? [] : [{ object: text, message: messages.join('; ') }]
}

const advertisementObstacles = (advertisement: unknown, all: Configuration): readonly string[] => [
  ...poolObstacles(advertisement, all),
  ...absent(advertisement, ['spec', 'peers'], all.peers).map((name) => `there is no BGPPeer ${name}`),
  ...nodeObstacles(advertisement, all),
]

function poolObstacles(advertisement: unknown, { pools }: Configuration): readonly string[] {
  const missing = absent(advertisement, ['spec', 'ipAddressPools'], pools).map(
    (name) => `there is no IPAddressPool ${name}`,
  )
  const selectors = listAt(advertisement, 'spec', 'ipAddressPoolSelectors')
  const isIdle = selectors.length > 0 && !pools.some((pool) => isSelected(pool, selectors))
  return isIdle ? [...missing, 'its ipAddressPoolSelectors select no IPAddressPool'] : missing
}

/** Names in a list that no object has. */
function absent(object: unknown, path: readonly string[], objects: readonly unknown[]): readonly string[] {
  const names = new Set(objects.map(nameOf))
  return listAt(object, ...path).filter((name): name is string => typeof name === 'string' && !names.has(name))
}

function nodeObstacles(object: unknown, { nodes }: Configuration): readonly string[] {
  const selectors = listAt(object, 'spec', 'nodeSelectors')
  if (selectors.length === 0 || nodes.length === 0 || nodes.some((node) => isSelected(node, selectors))) return []
  return [`its nodeSelectors select none of ${nodes.length} nodes`]
}

function isSelected(object: unknown, selectors: readonly unknown[]): boolean {
  const labels = Object.entries(fieldsOf(valueAt(object, 'metadata', 'labels')))
  const texts = Object.fromEntries(labels.map(([name, value]) => [name, String(value)]))
  return selectors.some((selector) => selects(selectorOf(selector), texts))
}

const nameOf = (object: unknown): string => textAt(object, 'metadata', 'name')
