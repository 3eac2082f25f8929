import type { Problem, Rule } from './problem.ts'

const rule = <D>(summary: string, message: Rule<D>['message'], remedy: Rule<D>['remedy']): Rule<D> => ({
  summary,
  message,
  remedy,
})

const quoted = (texts: readonly string[]): string => texts.map((text) => `"${text}"`).join(', ')

/** `a, b or c`. */
const inWords = (texts: readonly string[]): string =>
  texts.length < 2 ? texts.join() : `${texts.slice(0, -1).join(', ')} or ${texts.at(-1) ?? ''}`

/** " Did you mean …?" where there is something to mean. */
const meant = (suggestion: string | undefined): string =>
  suggestion === undefined ? '' : ` Did you mean "${suggestion}"?`

/** Every rule, by its stable code. A code that was released once is never given another meaning. */
export const rules = {
  'not-an-object': rule<{ found: string }>(
    'A document is not a Kubernetes object.',
    ({ found }) => `Expected a Kubernetes object, a mapping with apiVersion, kind and metadata, but found ${found}.`,
    () => 'Write the object with apiVersion, kind and metadata, or remove the document.',
  ),
  'unknown-kind': rule<{
    group: string
    kind: string
    kinds: readonly string[]
    suggestion: string | undefined
  }>(
    'The group metallb.io or holdfast.dev has no such kind.',
    ({ group, kind, suggestion }) => `The group ${group} has no kind "${kind}".${meant(suggestion)}`,
    ({ kinds }) => `Use ${inWords(kinds)}.`,
  ),
  'unknown-version': rule<{ kind: string; apiVersion: string; served: readonly string[] }>(
    'The kind is known, but not in this version of its group.',
    ({ kind, apiVersion }) => `${kind} is not read in version "${apiVersion}".`,
    ({ served }) => `Write apiVersion: ${served.join(' or ')}.`,
  ),
  'invalid-name': rule<{ name: string }>(
    'The name is not one that Kubernetes allows.',
    ({ name }) => `"${name}" is not a Kubernetes name.`,
    () => 'Use at most 253 lower-case letters, digits, "-" and ".", with a letter or digit at both ends.',
  ),
  'duplicate-object': rule<{ place: string }>(
    'The same object (kind, namespace and name) is defined twice.',
    ({ place }) => `The object is also defined in ${place}, and that definition is the one in force.`,
    () => 'Remove one of the two, or give it another name.',
  ),
  'same-name-in-other-namespace': rule<{ kind: string; name: string; namespace: string }>(
    'Two configuration objects of one kind have one name in two namespaces; such objects are referred to by name alone.',
    ({ kind, name, namespace }) => `${kind} "${name}" already exists in namespace "${namespace}".`,
    () => 'Give one of the two another name, or remove it.',
  ),
  'missing-field': rule<{ expected: string }>(
    'A required field is not there.',
    ({ expected }) => `Expected ${expected}, but the field is not there.`,
    () => 'Add the field.',
  ),
  'wrong-type': rule<{ expected: string; found: string; quotes: 'missing' | 'needless' | 'irrelevant' }>(
    'A field holds a value of another type than its schema says.',
    ({ expected, found }) => `Expected ${expected}, but found ${found}.`,
    ({ expected, quotes }) => {
      if (quotes === 'irrelevant') return `Write ${expected}.`
      return quotes === 'missing' ? 'Put the value in quotes.' : 'Remove the quotes.'
    },
  ),
  'out-of-range': rule<{ limit: string }>(
    'A number or a duration is not one that the field allows.',
    ({ limit }) => `The value must be ${limit}.`,
    () => 'Change the value so that it fits.',
  ),
  'value-not-allowed': rule<{ allowed: readonly string[] }>(
    'A field allows only certain values, and this is none of them.',
    ({ allowed }) => `The value must be one of ${quoted(allowed)}.`,
    () => 'Use one of them, written exactly so.',
  ),
  'unknown-field': rule<{ field: string; suggestion: string | undefined }>(
    'A configuration object has a field under spec that its kind does not know, most often a misspelt one.',
    ({ field, suggestion }) => `There is no field "${field}" here.${meant(suggestion)}`,
    ({ suggestion }) => (suggestion === undefined ? 'Remove the field.' : `Rename the field to "${suggestion}".`),
  ),
  'missing-one-of': rule<{ fields: readonly string[] }>(
    'One of two fields must be set, and neither is.',
    ({ fields }) => `Neither ${fields.join(' nor ')} is set.`,
    ({ fields }) => `Set exactly one of ${fields.join(' and ')}.`,
  ),
  'only-one-of': rule<{ fields: readonly string[] }>(
    'Two fields exclude each other, and both are set.',
    ({ fields }) => `${fields.join(' and ')} exclude each other.`,
    ({ fields }) => `Remove one of ${fields.join(' and ')}.`,
  ),
  'duplicate-entry': rule<{ text: string; first: string }>(
    'A list names the same thing twice.',
    ({ text, first }) => `"${text}" is already in the list, at ${first}.`,
    () => 'Remove one of the two.',
  ),
  'control-character': rule<{ field: string }>(
    'A text holds a line break.',
    ({ field }) => `The ${field} holds a line break.`,
    () => 'Write it on one line; in YAML, "|" and ">" add a line break at the end, "|-" and ">-" do not.',
  ),
  'invalid-address': rule<{ text: string; why: string }>(
    'A text is not an IP address.',
    ({ text, why }) => `"${text}" ${why}.`,
    () => 'Write one address such as 192.0.2.1 or 2001:db8::1.',
  ),
  'no-addresses': rule<{ list: string }>(
    'A pool has an empty list of addresses.',
    ({ list }) => `${list} is empty, so that the pool has no addresses.`,
    () => 'List at least one CIDR such as 192.0.2.0/24, or range such as 192.0.2.10-192.0.2.20.',
  ),
  'invalid-pool-entry': rule<{ text: string; why: string }>(
    'An entry of a pool is neither a CIDR nor a range of addresses.',
    ({ text, why }) => `"${text}" ${why}.`,
    () => 'Write a CIDR such as 192.0.2.0/24, or a range such as 192.0.2.10-192.0.2.20.',
  ),
  'overlapping-addresses': rule<{ mine: string; theirs: string; where: string }>(
    'Two entries of pools, in one pool or in two, hold the same addresses.',
    ({ mine, theirs, where }) => `${mine} overlaps ${theirs} of ${where}.`,
    () => 'Shrink or remove one of the two: an address belongs to one entry of one pool.',
  ),
  'invalid-selector': rule<{ why: string }>(
    'A label selector cannot match as written.',
    ({ why }) => `The label selector is malformed: ${why}.`,
    () => 'Correct the selector; Kubernetes documents the form under "Labels and Selectors".',
  ),
  'duplicate-selector': rule<{ first: string }>(
    'A list holds the same label selector, or a selector the same expression, twice.',
    ({ first }) => `It says the same as ${first}.`,
    () => 'Remove one of the two.',
  ),
  'invalid-community': rule<{ text: string; why: string }>(
    'A text is not a BGP community.',
    ({ text, why }) => `"${text}" is not a BGP community: ${why}.`,
    () => 'Write 65000:100, large:65000:1:2, or the name of an alias of a Community object.',
  ),
  'unknown-community-alias': rule<{ alias: string; suggestion: string | undefined; refused: string | undefined }>(
    'An advertisement names a community alias that no Community object in force defines.',
    ({ alias, suggestion, refused }) =>
      refused === undefined
        ? `No Community object defines the alias "${alias}".${meant(suggestion)}`
        : `${refused} defines the alias "${alias}", and is refused itself.`,
    ({ refused }) =>
      refused === undefined
        ? 'Define the alias in a Community object, or write the community itself, such as 65000:100.'
        : `Correct ${refused}: its own faults say what is wrong with it.`,
  ),
  'duplicate-community-alias': rule<{ alias: string; where: string }>(
    'Two Community objects, or two entries of one, define the same alias.',
    ({ alias, where }) => `The alias "${alias}" is already defined by ${where}.`,
    () => 'Rename or remove one of the two: an alias means one community everywhere.',
  ),
  'aggregation-with-service-selectors': rule<{ field: string; length: number }>(
    'An advertisement both selects Services and aggregates addresses.',
    ({ field, length }) => `serviceSelectors can be used only with ${field} ${length}, or without it.`,
    ({ field }) => `Remove serviceSelectors or ${field}.`,
  ),
  'aggregation-wider-than-pool': rule<{ advertisement: string; aggregate: number; entry: string; pool: string }>(
    'An aggregate would reach beyond the entry of the pool that it is made from.',
    ({ advertisement, aggregate, entry, pool }) =>
      `The /${aggregate} aggregates of ${advertisement} would reach beyond ${entry} of ${pool}.`,
    () => 'Use a longer aggregation length, a wider pool entry, or exclude the pool from the advertisement.',
  ),
  'conflicting-local-pref': rule<{ a: string; b: string; prefA: number; prefB: number; pool: string }>(
    'Two advertisements of one pool ask for different local preferences of the same route.',
    ({ a, b, prefA, prefB, pool }) =>
      `${a} and ${b} both announce ${pool}, with local preference ${prefA} and ${prefB}.`,
    () => 'Use equal local preferences, or separate the two by pools, peers, nodes or aggregation lengths.',
  ),
  'invalid-router-id': rule<{ text: string }>(
    'A router ID is not an IPv4 address other than 0.0.0.0.',
    ({ text }) => `"${text}" cannot be a BGP identifier.`,
    () => 'Write an IPv4 address such as 192.0.2.1, or remove the field.',
  ),
  'invalid-duration': rule<{ text: string }>(
    'A text is not a duration.',
    ({ text }) => `"${text}" is not a duration.`,
    () => 'Write a number with its unit, such as 90s, 1m30s or 500ms.',
  ),
  'invalid-hold-time': rule<{ found: string }>(
    'A hold time is neither 0 nor 3 to 65535 seconds (RFC 4271 section 4.2).',
    ({ found }) => `The hold time ${found} is neither 0 nor 3 to 65535 seconds.`,
    () => 'Set holdTime to 0s or to 3s or more; with keepaliveTime alone it is three times that.',
  ),
  'keepalive-above-hold-time': rule<{ keepalive: string; hold: string }>(
    'Keepalives would be sent more rarely than the hold time expires.',
    ({ keepalive, hold }) => `The keepalive time ${keepalive} is longer than the hold time ${hold}.`,
    () => 'Set keepaliveTime to a third of holdTime, or leave it out.',
  ),
  'invalid-connect-time': rule<{ found: string }>(
    'A connect time is not a whole number of seconds from 1 to 65535.',
    ({ found }) => `The connect time ${found} is not a whole number of seconds from 1 to 65535.`,
    () => 'Write whole seconds, such as 10s.',
  ),
  'multihop-on-ibgp': rule<{ asn: number }>(
    'ebgpMultiHop is set for a peer in the same AS.',
    ({ asn }) => `ebgpMultiHop is set, but myASN and peerASN are both ${asn}: an iBGP session.`,
    () => 'Remove ebgpMultiHop, or correct one of the two AS numbers.',
  ),
  'unknown-bfd-profile': rule<{ name: string; suggestion: string | undefined; isRefused: boolean }>(
    'A peer names a BFDProfile that does not exist, or is refused.',
    ({ name, suggestion, isRefused }) =>
      isRefused ? `BFDProfile "${name}" is refused itself.` : `There is no BFDProfile "${name}".${meant(suggestion)}`,
    ({ name, isRefused }) =>
      isRefused
        ? `Correct BFDProfile "${name}": its own faults say what is wrong with it.`
        : 'Create the BFDProfile, correct the name, or remove bfdProfile.',
  ),
  'unknown-secret': rule<{ name: string; namespace: string }>(
    'A peer or a policy names a Secret that does not exist, or is of a type other than kubernetes.io/basic-auth.',
    ({ name, namespace }) =>
      `There is no Secret "${name}" of type kubernetes.io/basic-auth in namespace "${namespace}".`,
    () =>
      'Create the Secret, with type kubernetes.io/basic-auth and the key password; one of another type has to be deleted first, for the type cannot be changed.',
  ),
  'unusable-secret': rule<{ name: string; why: string }>(
    'A peer or a policy names a Secret that cannot hold a password.',
    ({ name, why }) => `The Secret "${name}" cannot be used: ${why}.`,
    () => 'Give it type kubernetes.io/basic-auth and a value under the key password.',
  ),
  'password-too-long': rule<{ octets: number; most: number }>(
    'A password is longer than what Linux takes as a key of TCP MD5.',
    ({ octets, most }) => `The password has ${octets} octets in UTF-8, and TCP MD5 takes at most ${most}.`,
    () => 'Use a shorter password, on the router too.',
  ),
  'invalid-next-hop': rule<{ text: string; family: string; why: string }>(
    'A next hop is not the address of a host, or of the other family.',
    ({ text, family, why }) => `"${text}" cannot be the next hop of ${family} routes: ${why}.`,
    ({ family }) => `Write one ${family} address of a node, or remove the field.`,
  ),
  'invalid-extended-community': rule<{ text: string; why: string }>(
    'A text is not an extended community (RFC 4360).',
    ({ text, why }) => `"${text}" is not an extended community: ${why}.`,
    () => 'Write rt:65000:100, soo:65000:1, or all eight octets such as 0x0002fde800000064.',
  ),
  'no-keys': rule<{ list: string }>(
    'A policy asks for TCP-AO and has no keys for it.',
    ({ list }) => `The list of TCP-AO ${list} is empty.`,
    () => 'List at least one key, or remove tcpAO.',
  ),
  'tcp-ao-with-password': rule<{ peer: string; policy: string }>(
    'A policy asks for TCP-AO towards a peer that has a password for TCP MD5.',
    ({ peer, policy }) =>
      `${policy} asks for TCP-AO towards ${peer}, which has a password for TCP MD5: a connection has one of the two, and none is opened.`,
    () => 'Remove the password of the peer, or keep the peer out of the policy.',
  ),
  'conflicting-policies': rule<{ field: string; first: string; second: string; peer: string }>(
    'Two policies say different things of one field for the same peer on the same node.',
    ({ field, first, second, peer }) =>
      `${first} and ${second} differ in ${field} for ${peer}: ${first} comes first by name and counts.`,
    ({ field }) => `Set ${field} in one of the two, or let them select other peers or nodes.`,
  ),
  'bfd-echo-with-ipv6': rule<{ peer: string; profile: string; pool: string; advertisement: string }>(
    'A peer with BFD echo mode would be announced an IPv6 pool.',
    ({ peer, profile, pool, advertisement }) =>
      `${advertisement} announces the IPv6 addresses of ${pool} to ${peer}, whose ${profile} has echoMode.`,
    () => 'Switch echoMode off, or exclude the peer or the pool from the advertisement.',
  ),
  'duplicate-session': rule<{ peer: string; session: string; node: string }>(
    'Two peers ask one node for the same session: same address or interface, port, source address and VRF.',
    ({ peer, session, node }) => `${peer} already asks ${node} for the session ${session}.`,
    () => 'Remove one of the two, separate them by nodeSelectors, or give one another sourceAddress.',
  ),
} as const

type Rules = typeof rules
export type FaultCode = keyof Rules
type DetailOf<C extends FaultCode> = Rules[C] extends Rule<infer D> ? D : never

/** Words what a rule found. */
export function problem<C extends FaultCode>(code: C, detail: DetailOf<C>): Problem {
  // The table pairs each code with its own detail type, a pairing that the compiler loses on an indexed access.
  const rule = rules[code] as unknown as Rule<DetailOf<C>>
  return { code, message: rule.message(detail), remedy: rule.remedy(detail) }
}
