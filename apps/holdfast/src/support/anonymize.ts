import { isFields } from '../kubernetes/fields-at.ts'
import { createAddressNames } from './anonymize-addresses.ts'

/** Fields whose value is the name of something of the user's, and what it is replaced by. */
const nameFields: Readonly<Record<string, string>> = {
  ...{ name: 'name', node: 'node', nodeName: 'node', namespace: 'namespace', serviceNamespace: 'namespace' },
  ...{ service: 'service', serviceName: 'service', pool: 'pool', peer: 'peer', pod: 'pod', holder: 'name' },
  ...{ holderIdentity: 'name', interface: 'interface', vrf: 'vrf', host: 'host' },
}

/** Fields with lists of names. */
const listFields: Readonly<Record<string, string>> = { peers: 'peer', ipAddressPools: 'pool', namespaces: 'namespace' }

/** Fields of people's own words. */
const wordFields: ReadonlySet<string> = new Set(['requestedBy', 'reason', 'description'])

/** Names that every cluster has. */
const common: ReadonlySet<string> = new Set([
  ...['default', 'kube-system', 'kube-public', 'kube-node-lease', 'metallb-system', 'kubernetes'],
  ...['controller', 'speaker', 'holdfast', 'metallb', 'holdfast-controller', 'holdfast-speaker', 'frr'],
])

/** Keys of labels and annotations that mean the same everywhere. */
const commonKey = /(?:^|\.)(?:kubernetes\.io|k8s\.io|metallb\.io|metallb\.universe\.tf|holdfast\.dev)\//

/** Where the keys of an object are labels. */
const labelFields: ReadonlySet<string> = new Set(['labels', 'matchLabels', 'annotations', 'selector'])

/** IPv4 and IPv6 addresses inside of other text, with a prefix length where there is one. */
const addresses = new RegExp(
  [
    String.raw`(?<![\w.:])(?=[\da-f:]*:[\da-f:]*:)[\da-f:]{2,39}(?:\d{1,3}(?:\.\d{1,3}){3})?(?:/\d{1,3})?(?![\w:]|\.\d)`,
    String.raw`(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,3})?(?!\w|\.\d)`,
  ].join('|'),
  'gi',
)

type Rename = (text: string) => string

/**
 * A bundle in which names and addresses of the user's are replaced, each by the same one wherever it stands, also inside of messages and
 * lines of logs. Whoever does not have `key` cannot work out what was replaced.
 */
export function anonymized(bundle: unknown, key: Uint8Array): unknown {
  const names = new Map<string, string>()
  const counts = new Map<string, number>()
  const learn = (name: string, kind: string): string => {
    const known = names.get(name)
    if (known !== undefined || common.has(name)) return known ?? name
    const count = (counts.get(kind) ?? 0) + 1
    counts.set(kind, count)
    names.set(name, `${kind}-${count}`)
    return `${kind}-${count}`
  }
  gather(bundle, { field: '', kind: 'name' }, learn)
  const rename = renaming(names, createAddressNames(key))
  return replaced(bundle, { rename, learn })
}

type Learn = (name: string, kind: string) => string

/** Learns every name that stands where names stand. `field` is the one that has the value, `kind` that of the object around it. */
function gather(
  value: unknown,
  { field, kind }: { readonly field: string; readonly kind: string },
  learn: Learn,
): void {
  if (Array.isArray(value)) {
    for (const item of value as readonly unknown[]) gatherOne(item, { field, kind: own(listFields, field) }, learn)
    return
  }
  if (!isFields(value)) return
  const within = typeof value['kind'] === 'string' ? value['kind'].toLowerCase() : kind
  for (const [name, item] of Object.entries(value)) {
    // The name of a port is a word of everybody's.
    const as = field === 'ports' ? undefined : own(nameFields, name)
    const isObjects = name === 'name' && field === 'metadata'
    gatherOne(item, { field: name, kind: as === undefined || !isObjects ? as : within }, learn, within)
  }
}

/** `kind`: what the value is the name of, if it is a text. */
function gatherOne(
  item: unknown,
  { field, kind }: { readonly field: string; readonly kind: string | undefined },
  learn: Learn,
  within = 'name',
): void {
  if (typeof item !== 'string') gather(item, { field, kind: within }, learn)
  else if (kind !== undefined) learnName(item, kind, learn)
}

const own = (fields: Readonly<Record<string, string>>, field: string): string | undefined =>
  Object.hasOwn(fields, field) ? fields[field] : undefined

/** `namespace/name` is two names. An address in the place of a name is none. */
function learnName(text: string, kind: string, learn: Learn): void {
  const parts = text.split('/')
  for (const [index, part] of parts.entries()) {
    if (part !== '' && part.search(addresses) !== 0) learn(part, index < parts.length - 1 ? 'namespace' : kind)
  }
}

/** Words of names, which may have several parts: `web-1.example`. */
const words = /[A-Za-z0-9][\w.-]*/g

function renaming(names: ReadonlyMap<string, string>, address: Rename): Rename {
  return (text) => {
    const whole = names.get(text)
    if (whole !== undefined) return whole
    return text.replaceAll(words, (word) => renamedWord(word, names)).replaceAll(addresses, address)
  }
}

/** The longest names in a word, from the left: a pod's name begins with that of its workload. A single letter is an article as well. */
function renamedWord(word: string, names: ReadonlyMap<string, string>): string {
  const parts = word.split(/([._-])/)
  let out = ''
  for (let from = 0; from < parts.length;) {
    let to = parts.length
    while (to > from + 1 && !names.has(parts.slice(from, to).join(''))) to -= 1
    const name = parts.slice(from, to).join('')
    out += name.length > 1 ? (names.get(name) ?? name) : name
    from = to
  }
  return out
}

interface Terms {
  readonly rename: Rename
  readonly learn: Learn
}

function replaced(value: unknown, terms: Terms): unknown {
  if (typeof value === 'string') return terms.rename(value)
  if (Array.isArray(value)) return (value as readonly unknown[]).map((item) => replaced(item, terms))
  if (!isFields(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([field, item]) => [terms.rename(field), replacedField(field, item, terms)]),
  )
}

function replacedField(field: string, item: unknown, terms: Terms): unknown {
  if (labelFields.has(field) && isFields(item)) return replacedLabels(item, terms)
  if (field === 'matchExpressions' && Array.isArray(item)) {
    return (item as readonly unknown[]).map((one) => replacedExpression(one, terms))
  }
  // A reason in CamelCase is one of ours or of Kubernetes'.
  const isWords = wordFields.has(field) && typeof item === 'string' && !/^[A-Za-z]+$/.test(item)
  return isWords ? '(replaced)' : replaced(item, terms)
}

const replacedLabels = (labels: Readonly<Record<string, unknown>>, terms: Terms): unknown =>
  Object.fromEntries(Object.entries(labels).map(([key, value]) => [labelKey(key, terms), labelValue(value, terms)]))

function replacedExpression(expression: unknown, terms: Terms): unknown {
  if (!isFields(expression)) return expression
  const { key, values } = expression
  return {
    ...expression,
    ...(typeof key === 'string' ? { key: labelKey(key, terms) } : {}),
    ...(Array.isArray(values)
      ? { values: (values as readonly unknown[]).map((value) => labelValue(value, terms)) }
      : {}),
  }
}

const labelKey = (key: string, { learn }: Terms): string => (commonKey.test(key) ? key : learn(key, 'label'))

/** What is neither a name nor an address that is known already is a word of the user's. */
function labelValue(value: unknown, { rename, learn }: Terms): unknown {
  if (typeof value !== 'string' || value === '' || value === 'true' || value === 'false') return value
  const known = rename(value)
  return known === value && !common.has(value) ? learn(value, 'value') : known
}
