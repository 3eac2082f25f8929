// Rows U11 to U26: attributes that are malformed, unexpected or unknown. None of them may cost the session, but U22 and U23.
import { isAccepted, isCounted, reset, stays, type Case } from '../case.ts'
import * as b from '../bytes.ts'
import { localPrefOf, openOf, pathOf, speaker, type Scene, type Slot } from '../scene.ts'

/** The attributes of a good UPDATE by their codes, so that a case can put another one in the place of one. */
function attributesOf(scene: Scene, changed: Readonly<Record<number, string>>): string {
  const good: Readonly<Record<number, string>> = {
    1: b.origin,
    2: pathOf(scene),
    3: b.nextHop(),
    ...(scene.isInternal ? { 5: b.localPref } : {}),
  }
  return Object.values({ ...good, ...changed }).join('')
}

/** An UPDATE that announces a prefix with these attributes in the place of the good ones. */
const announcing =
  (changed: Readonly<Record<number, string>>) =>
  ({ scene }: Slot): string =>
    b.update({ attributes: attributesOf(scene, changed), nlri: b.prefix.ipv4 })

type Rest = Partial<Pick<Case, 'expect' | 'tags' | 'scenes'>>

const one = (row: string, title: string, changed: Readonly<Record<number, string>>, rest: Rest = {}): Case => ({
  row,
  title,
  stage: 'established',
  input: announcing(changed),
  expect: isCounted,
  ...rest,
})

const tagged = (tag: string): Rest => ({ tags: [tag] })
const zeros = (size: number): string => '00'.repeat(size)
const octets = (sizes: readonly number[], make: (size: number) => Case): readonly Case[] => sizes.map(make)

const origins: readonly Case[] = [
  ...octets([0, 2], (size) =>
    one(
      'U11',
      `ORIGIN of ${size} octets`,
      { 1: b.attribute(0x40, 1, zeros(size)) },
      tagged('rfc7606-7.1-origin-over-tcp'),
    ),
  ),
  ...[3, 255].map((value) =>
    one('U11', `ORIGIN ${value}`, { 1: b.attribute(0x40, 1, b.u8(value)) }, tagged('rfc7606-7.1-origin-over-tcp')),
  ),
]

const path = (title: string, row: string, value: string, tag: string): Case =>
  one(row, title, { 2: b.attribute(0x40, 2, value) }, tagged(tag))

const asn = b.u32(64_512)
const paths: readonly Case[] = [
  ...[0, 5].map((type) =>
    path(`AS_PATH with a segment of type ${type}`, 'U12', `${b.u8(type)}01${asn}`, 'rfc7606-7.2-as-path-over-tcp'),
  ),
  path('AS_PATH with an empty segment', 'U12', `0200`, 'rfc7606-7.2-as-path-over-tcp'),
  path('AS_PATH with a segment of 255 AS numbers, cut off', 'U12', `02ff${asn}`, 'rfc7606-7.2-as-path-over-tcp'),
  path('AS_PATH with one octet behind its segment', 'U12', `0201${asn}02`, 'rfc7606-7.2-as-path-over-tcp'),
  path('AS 0 in AS_PATH', 'U13', `0202${asn}00000000`, 'rfc7607-2-as-zero-path-over-tcp'),
  path('an AS_SET in AS_PATH', 'U13', `0201${asn}0102${asn}${b.u32(64_513)}`, 'rfc9774-3-as-set-over-tcp'),
  path(
    'an AS_CONFED_SEQUENCE from a peer of no confederation',
    'U13',
    `0301${asn}`,
    'rfc5065-5-confed-segment-over-tcp',
  ),
  path('an AS_CONFED_SET from a peer of no confederation', 'U13', `0401${asn}`, 'rfc9774-3-as-set-over-tcp'),
]

/** As many AS numbers as these need a message that is longer than 4,096 octets. */
const longPaths: readonly Case[] = [2049, 16_000].map((count) => ({
  row: 'U14',
  title: `${count.toLocaleString('en')} AS numbers in AS_PATH, in an extended message`,
  tags: ['rfc8654-4-receive-65535-over-tcp'],
  stage: 'established',
  open: (slot) => openOf(slot, { extra: b.capabilities.extendedMessage }),
  input: ({ scene }) =>
    b.update({
      attributes: b.origin + b.asPath(Array.from({ length: count }, () => 64_512)) + b.nextHop() + localPrefOf(scene),
      nlri: b.prefix.ipv4,
    }),
  expect: stays,
}))

const nextHops: readonly Case[] = [
  ...octets([0, 1, 2, 3, 5, 16], (size) =>
    one(
      'U15',
      `NEXT_HOP of ${size} octets`,
      { 3: b.attribute(0x40, 3, 'c0'.repeat(size)) },
      tagged('rfc7606-7.3-next-hop-over-tcp'),
    ),
  ),
  ...[
    ['0.0.0.0', '00000000'],
    ['127.0.0.1', '7f000001'],
    ['224.0.0.1', 'e0000001'],
  ].map(([text = '', hex = '']) => one('U16', `NEXT_HOP ${text}`, { 3: b.nextHop(hex) })),
  one(
    'U16',
    'our own address as NEXT_HOP',
    { 3: b.nextHop(speaker.hex.ipv4) },
    {
      scenes: ({ family }) => family === 'ipv4',
    },
  ),
  {
    row: 'U16',
    title: 'our own address as the next hop of IPv6 routes',
    stage: 'established',
    scenes: ({ family }) => family === 'ipv6',
    input: ({ scene }) =>
      b.update({
        attributes: b.origin + pathOf(scene) + localPrefOf(scene) + b.mpReach(b.prefix.ipv6, speaker.hex.ipv6),
      }),
    expect: isCounted,
  },
]

const metrics: readonly Case[] = [
  ...octets([0, 3, 5], (size) =>
    one(
      'U17',
      `MULTI_EXIT_DISC of ${size} octets`,
      { 4: b.attribute(0x80, 4, zeros(size)) },
      tagged('rfc7606-7.4-med-over-tcp'),
    ),
  ),
  ...octets([0, 3, 5], (size) =>
    one(
      'U17',
      `LOCAL_PREF of ${size} octets within the AS`,
      { 5: b.attribute(0x40, 5, zeros(size)) },
      {
        tags: ['rfc7606-7.5-local-pref-over-tcp'],
        scenes: ({ isInternal }) => isInternal,
      },
    ),
  ),
  one(
    'U17',
    'LOCAL_PREF from another AS',
    { 5: b.localPref },
    {
      tags: ['rfc7606-7.5-local-pref-external-over-tcp'],
      scenes: ({ isInternal }) => !isInternal,
    },
  ),
]

const aggregates: readonly Case[] = [
  one(
    'U18',
    'ATOMIC_AGGREGATE of 1 octet',
    { 6: b.attribute(0x40, 6, '00') },
    tagged('rfc7606-7.6-atomic-aggregate-over-tcp'),
  ),
  ...octets([5, 7, 9], (size) =>
    one(
      'U18',
      `AGGREGATOR of ${size} octets`,
      { 7: b.attribute(0xc0, 7, '01'.repeat(size)) },
      tagged('rfc7606-7.7-aggregator-over-tcp'),
    ),
  ),
  one(
    'U18',
    'AGGREGATOR with AS 0',
    { 7: b.attribute(0xc0, 7, `00000000${speaker.hex.ipv4}`) },
    tagged('rfc7607-2-as-zero-aggregator-over-tcp'),
  ),
  ...octets([7, 9], (size) =>
    one('U18', `AS4_AGGREGATOR of ${size} octets`, { 18: b.attribute(0xc0, 18, '01'.repeat(size)) }),
  ),
]

/** Name, code, flags, and lengths that are wrong. */
const lists: readonly (readonly [row: string, name: string, code: number, flags: number, sizes: readonly number[]])[] =
  [
    ['U19', 'COMMUNITIES', 8, 0xc0, [0, 5]],
    ['U19', 'EXTENDED COMMUNITIES', 16, 0xc0, [0, 9]],
    ['U19', 'IPv6 EXTENDED COMMUNITIES', 25, 0xc0, [21]],
    ['U19', 'LARGE_COMMUNITY', 32, 0xc0, [0, 13]],
    ['U20', 'ORIGINATOR_ID', 9, 0x80, [3]],
    ['U20', 'CLUSTER_LIST', 10, 0x80, [0, 5]],
  ]

const listTags: Readonly<Record<number, string>> = {
  8: 'rfc7606-7.8-community-over-tcp',
  16: 'rfc7606-7.14-extended-community-over-tcp',
  32: 'rfc8092-6-large-community-length-over-tcp',
  9: 'rfc7606-7.9-originator-id-over-tcp',
  10: 'rfc7606-7.10-cluster-list-over-tcp',
}

const communities: readonly Case[] = lists.flatMap(([row, name, code, flags, sizes]) =>
  octets(sizes, (size) => {
    const tag = listTags[code]
    const rest = tag === undefined ? {} : tagged(tag)
    return one(row, `${name} of ${size} octets`, { [code]: b.attribute(flags, code, zeros(size)) }, rest)
  }),
)

/** Known attributes with a good value, and their flags with the Optional or the Transitive bit the wrong way. */
const flagged: readonly (readonly [name: string, code: number, flags: number, value: string])[] = [
  ['ORIGIN', 1, 0xc0, '00'],
  ['AS_PATH', 2, 0x80, ''],
  ['NEXT_HOP', 3, 0x00, 'c0000201'],
  ['MULTI_EXIT_DISC', 4, 0xc0, '00000000'],
  ['ATOMIC_AGGREGATE', 6, 0xc0, ''],
  ['AGGREGATOR', 7, 0x80, `${asn}c0000201`],
  ['COMMUNITIES', 8, 0x80, 'fc000064'],
  ['EXTENDED COMMUNITIES', 16, 0x80, '0002fc0000000064'],
  ['IPv6 EXTENDED COMMUNITIES', 25, 0x80, zeros(20)],
  ['LARGE_COMMUNITY', 32, 0x80, zeros(12)],
]

const conflictingFlags: readonly Case[] = [
  ...flagged.map(([name, code, flags, value]) =>
    one(
      'U21',
      `${name} with the flags 0x${b.u8(flags)}`,
      { [code]: b.attribute(flags, code, value) },
      tagged('rfc7606-3-flags-over-tcp'),
    ),
  ),
  one(
    'U21',
    'LOCAL_PREF with the flags 0xc0',
    { 5: b.attribute(0xc0, 5, '00000064') },
    {
      tags: ['rfc7606-3-flags-over-tcp'],
      scenes: ({ isInternal }) => isInternal,
    },
  ),
  ...([9, 10] as const).map((code) =>
    one(
      'U21',
      `${code === 9 ? 'ORIGINATOR_ID' : 'CLUSTER_LIST'} with the flags 0xc0`,
      { [code]: b.attribute(0xc0, code, '0a090909') },
      tagged('rfc7606-3-flags-over-tcp'),
    ),
  ),
  {
    row: 'U21',
    title: 'MP_REACH_NLRI with the flags 0xc0',
    tags: ['rfc7606-3-flags-over-tcp'],
    stage: 'established',
    input: ({ scene }) =>
      b.update({
        attributes: b.origin + pathOf(scene) + localPrefOf(scene) + b.mpReach(b.prefix.ipv6).replace(/^80/, 'c0'),
      }),
    expect: isCounted,
  },
  {
    row: 'U21',
    title: 'MP_UNREACH_NLRI with the flags 0xc0',
    stage: 'established',
    input: () => b.update({ attributes: b.mpUnreach(b.prefix.ipv6).replace(/^80/, 'c0') }),
    expect: stays,
  },
  ...(
    [
      [26, 'AIGP'],
      [29, 'BGP-LS'],
      [40, 'Prefix-SID'],
    ] as const
  ).flatMap(([code, name]) => [
    one(
      'U21',
      `${name} with the flags 0x${code === 40 ? '80' : 'c0'}`,
      { [code]: b.attribute(code === 40 ? 0x80 : 0xc0, code, '01000b0000000000000001') },
      { expect: stays },
    ),
    one(
      'U21',
      `${name} with the flags 0x40, as if it were well-known`,
      { [code]: b.attribute(0x40, code, '01000b0000000000000001') },
      { expect: stays },
    ),
  ]),
]

const med = b.attribute(0x80, 4, '00000001')
const duplicates: readonly Case[] = [
  one(
    'U22',
    'MULTI_EXIT_DISC twice',
    { 4: med + b.attribute(0x80, 4, '00000002') },
    tagged('rfc7606-3-duplicate-over-tcp'),
  ),
  one('U22', 'ORIGIN twice', { 1: b.origin + b.attribute(0x40, 1, '02') }, tagged('rfc7606-3-duplicate-over-tcp')),
  {
    row: 'U22',
    title: 'MP_REACH_NLRI twice',
    tags: ['rfc7606-3-duplicate-mp-over-tcp'],
    stage: 'established',
    input: ({ scene }) =>
      b.update({
        attributes: b.origin + pathOf(scene) + localPrefOf(scene) + b.mpReach(b.prefix.ipv6) + b.mpReach(b.prefix.ipv6),
      }),
    expect: reset(3, 1),
  },
  {
    row: 'U22',
    title: 'MP_UNREACH_NLRI twice',
    tags: ['rfc7606-3-duplicate-mp-over-tcp'],
    stage: 'established',
    input: () => b.update({ attributes: b.mpUnreach(b.prefix.ipv6) + b.mpUnreach(b.prefix.ipv6) }),
    expect: reset(3, 1),
  },
]

const unknownWellKnown = b.attribute(0x40, 200, 'abcdef')
const unknown: readonly Case[] = [
  one(
    'U23',
    'an unknown attribute that is marked as well-known',
    { 200: unknownWellKnown },
    {
      expect: reset(3, 2, unknownWellKnown),
      tags: ['rfc4271-6.3-unrecognized-well-known-over-tcp'],
    },
  ),
  one(
    'U24',
    'an unknown attribute 254, optional and transitive',
    { 254: b.attribute(0xc0, 254, 'deadbeef') },
    {
      expect: isAccepted,
      tags: ['rfc4271-5-unrecognized-optional-over-tcp'],
    },
  ),
  one(
    'U24',
    'an unknown attribute 253, optional',
    { 253: b.attribute(0x80, 253, 'deadbeef') },
    {
      expect: isAccepted,
      tags: ['rfc4271-5-unrecognized-optional-over-tcp'],
    },
  ),
  one(
    'U24',
    'an unknown attribute 254 with partial bit and 3,000 octets',
    { 254: b.attribute(0xf0, 254, zeros(3000)) },
    {
      expect: isAccepted,
    },
  ),
]

/** What other speakers look into, here with content that none of them would accept. */
const corrupt: readonly Case[] = [
  ['tunnel encapsulation', b.attribute(0xc0, 23, '000fffff01')],
  ['AIGP', b.attribute(0x80, 26, '01000300')],
  ['path distinguisher labels', b.attribute(0xc0, 28, 'ff')],
  ['BGP-LS', b.attribute(0x80, 29, '0401ffff')],
  ['OTC of 1,024 octets', b.attribute(0xd0, 35, zeros(1024))],
  ['BIER', b.attribute(0xc0, 39, '0001ffff00')],
  ['Prefix-SID, all zero', b.attribute(0xc0, 40, zeros(32))],
].map(([name = '', hex = '']) => {
  const code = Number.parseInt(hex.slice(2, 4), 16)
  return one('U25', `attribute ${code} (${name}) corrupt`, { [code]: hex }, { expect: stays })
})

/** AS4_PATH comes before AS_PATH and is malformed: from a peer with two-octet AS numbers, and from one with four. */
const as4Paths: readonly Case[] = (['two', 'four'] as const).flatMap((width) =>
  ['02ff0000fc00', '0200', '02', '0201000000'].map((value): Case => ({
    row: 'U26',
    title: `AS4_PATH ${value} before AS_PATH, from a peer of ${width}-octet AS numbers`,
    tags: width === 'two' ? ['rfc6793-6-malformed-as4-path-over-tcp'] : ['rfc6793-4.1-as4-path-from-new-over-tcp'],
    stage: 'established',
    ...(width === 'two' && {
      open: (slot: Slot) =>
        openOf(slot, {
          parameters: b.parameter(b.capabilities.ipv4 + b.capabilities.ipv6 + b.capabilities.routeRefresh),
        }),
    }),
    input: ({ scene }) =>
      b.update({
        attributes:
          b.origin +
          b.attribute(0xc0, 17, value) +
          pathOf(scene, width === 'two' ? 2 : 4) +
          b.nextHop() +
          localPrefOf(scene),
        nlri: b.prefix.ipv4,
      }),
    expect: isCounted,
  })),
)

export const attributeCases: readonly Case[] = [
  ...origins,
  ...paths,
  ...longPaths,
  ...nextHops,
  ...metrics,
  ...aggregates,
  ...communities,
  ...conflictingFlags,
  ...duplicates,
  ...unknown,
  ...corrupt,
  ...as4Paths,
]
