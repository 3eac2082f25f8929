// Rows U1 to U10 and U27 to U32: lengths, routes and families of an UPDATE. U33 and U34 are floods.
import { isAccepted, isCounted, reset, stays, type Case, type Expectation } from '../case.ts'
import * as b from '../bytes.ts'
import { baseAttributes, localPrefOf, mpAttributes, openOf, pathOf, type Slot } from '../scene.ts'

const one = (row: string, title: string, input: Case['input'], rest: Partial<Case> = {}): Case => ({
  row,
  title,
  stage: 'established',
  input,
  expect: isCounted,
  ...rest,
})

const tagged = (expect: Case['expect'], ...tags: readonly string[]): Partial<Case> => ({ expect, tags })

const anyOf = (...anyOf: readonly (readonly [number, number])[]): Expectation => ({
  kind: 'reset',
  anyOf: anyOf.map(([code, subcode]) => ({ code, subcode })),
})

const staysOr = (...anyOf: readonly (readonly [number, number])[]): Expectation => ({
  kind: 'staysOrReset',
  anyOf: anyOf.map(([code, subcode]) => ({ code, subcode })),
})

const base = ({ scene }: Slot): string => baseAttributes(scene)
const nlri = b.prefix.ipv4

const sections: readonly Case[] = [
  one(
    'U1',
    'Withdrawn Routes longer than the message',
    () => b.update({ withdrawnLength: 5 }),
    tagged(reset(3, 1), 'rfc7606-3-withdrawn-length-over-tcp'),
  ),
  one(
    'U1',
    'Withdrawn Routes of 65,535 octets by their length',
    (slot) => b.update({ attributes: base(slot), nlri, withdrawnLength: 0xffff }),
    tagged(reset(3, 1), 'rfc7606-3-withdrawn-length-over-tcp'),
  ),
  one(
    'U1',
    'path attributes longer than the message',
    (slot) => b.update({ attributes: base(slot), attributesLength: b.sizeOf(base(slot)) + 1 }),
    tagged(reset(3, 1), 'rfc7606-3-attributes-length-over-tcp'),
  ),
  one(
    'U1',
    'path attributes of 65,535 octets by their length',
    (slot) => b.update({ attributes: base(slot), nlri, attributesLength: 0xffff }),
    tagged(reset(3, 1), 'rfc7606-3-attributes-length-over-tcp'),
  ),
  one('U2', 'a withdrawn route longer than the Withdrawn Routes', () => b.update({ withdrawn: '180a' }), {
    expect: anyOf([3, 1], [3, 10]),
  }),
  one(
    'U2',
    'Withdrawn Routes that end within a route, the rest of it behind them',
    () => b.update({ withdrawn: '18cb0071', withdrawnLength: 2 }),
    { expect: anyOf([3, 1], [3, 10]) },
  ),
  one(
    'U3',
    'a last attribute longer than the path attributes',
    (slot) => b.update({ attributes: base(slot) + b.attribute(0xc0, 8, 'fc000064', 8), nlri }),
    tagged(isCounted, 'rfc7606-4-total-length-over-tcp'),
  ),
  one(
    'U3',
    'a last attribute of 65,535 octets by its length',
    (slot) => b.update({ attributes: base(slot) + b.attribute(0xd0, 8, 'fc000064', 0xffff), nlri }),
    tagged(isCounted, 'rfc7606-4-total-length-over-tcp'),
  ),
  ...['c0', 'c008', '500000', 'd00800'].map((rest) =>
    one(
      'U4',
      `path attributes that end with ${rest}`,
      (slot) => b.update({ attributes: base(slot) + rest, nlri }),
      tagged(isCounted, 'rfc7606-4-remainder-over-tcp'),
    ),
  ),
]

const missing: readonly Case[] = [
  one(
    'U5',
    'routes without ORIGIN',
    ({ scene }) => b.update({ attributes: pathOf(scene) + b.nextHop() + localPrefOf(scene), nlri }),
    tagged(isCounted, 'rfc7606-3-missing-attribute-over-tcp'),
  ),
  one(
    'U5',
    'routes without AS_PATH',
    ({ scene }) => b.update({ attributes: b.origin + b.nextHop() + localPrefOf(scene), nlri }),
    tagged(isCounted, 'rfc7606-3-missing-attribute-over-tcp'),
  ),
  one(
    'U5',
    'routes without NEXT_HOP',
    ({ scene }) => b.update({ attributes: mpAttributes(scene), nlri }),
    tagged(isCounted, 'rfc7606-3-missing-attribute-over-tcp'),
  ),
  one(
    'U5',
    'IPv6 routes without ORIGIN and AS_PATH',
    ({ scene }) => b.update({ attributes: localPrefOf(scene) + b.mpReach(b.prefix.ipv6) }),
    tagged(isCounted, 'rfc7606-3-missing-attribute-over-tcp'),
  ),
  one('U6', 'routes with an unknown transitive attribute alone (CVE-2023-46753)', () =>
    b.update({ attributes: b.attribute(0xc0, 31, '0102'), nlri }),
  ),
  one('U7', 'routes without any attribute', () => b.update({ nlri })),
  one('U8', 'MP_UNREACH_NLRI and routes without mandatory attributes (CVE-2023-47234)', () =>
    b.update({ attributes: b.mpUnreach(b.prefix.ipv6), nlri }),
  ),
]

const reaching =
  (value: string) =>
  ({ scene }: Slot): string =>
    b.update({ attributes: mpAttributes(scene) + b.mpReach(value) })
const unreachable = (value: string) => (): string => b.update({ attributes: b.mpUnreach(value) })

const networks: readonly Case[] = [
  ...['21cb007100', 'ff'].map((route) =>
    one(
      'U9',
      `an IPv4 route of ${Number.parseInt(route.slice(0, 2), 16)} bits`,
      (slot) => b.update({ attributes: base(slot), nlri: nlri + route }),
      tagged(reset(3, 10), 'rfc7606-5.3-nlri-over-tcp'),
    ),
  ),
  one(
    'U9',
    'an IPv4 route that is cut off',
    (slot) => b.update({ attributes: base(slot), nlri: `${nlri}18cb00` }),
    tagged(reset(3, 10), 'rfc7606-5.3-nlri-over-tcp'),
  ),
  one(
    'U9',
    'an IPv6 route of 129 bits',
    reaching(`81${'20'.repeat(17)}`),
    tagged(anyOf([3, 9], [3, 1]), 'rfc7606-5.3-mp-nlri-over-tcp'),
  ),
  one(
    'U9',
    'an IPv6 route that is cut off',
    reaching('402001'),
    tagged(anyOf([3, 9], [3, 1]), 'rfc7606-5.3-mp-nlri-over-tcp'),
  ),
  one(
    'U10',
    'a withdrawn IPv4 route of 33 bits',
    () => b.update({ withdrawn: '21cb007100' }),
    tagged(reset(3, 10), 'rfc7606-5.3-nlri-over-tcp'),
  ),
  one(
    'U10',
    'a withdrawn IPv4 route that is cut off',
    () => b.update({ withdrawn: `${nlri}18cb` }),
    tagged(reset(3, 10), 'rfc7606-5.3-nlri-over-tcp'),
  ),
  one(
    'U10',
    'a withdrawn IPv6 route of 255 bits',
    unreachable('ff20'),
    tagged(anyOf([3, 9], [3, 1]), 'rfc7606-5.3-mp-nlri-over-tcp'),
  ),
]

const mp = ({ scene }: Slot, attribute: string): string => b.update({ attributes: mpAttributes(scene) + attribute })
const mpBroken = anyOf([3, 1], [3, 9])

const multiprotocol: readonly Case[] = [
  ...[0, 9].map((size) =>
    one(
      'U27',
      `MP_REACH_NLRI with a next hop of ${size} octets`,
      (slot) => mp(slot, b.mpReach(b.prefix.ipv6, '20'.repeat(size))),
      tagged(mpBroken, 'rfc7606-7.11-next-hop-length-over-tcp'),
    ),
  ),
  one(
    'U27',
    'MP_REACH_NLRI with a next hop longer than the attribute',
    (slot) => mp(slot, b.attribute(0x80, 14, `00020140${'20'.repeat(16)}00${b.prefix.ipv6}`)),
    tagged(mpBroken, 'rfc7606-7.11-next-hop-length-over-tcp'),
  ),
  ...['', '00', '0002', '000201', '00020110'].map((value) =>
    one(
      'U27',
      `MP_REACH_NLRI that ends behind ${value === '' ? 'nothing' : value}`,
      (slot) => mp(slot, b.attribute(0x80, 14, value)),
      { expect: mpBroken },
    ),
  ),
  one(
    'U28',
    'MP_REACH_NLRI of 96 octets by its length that has 4',
    (slot) => mp(slot, b.attribute(0x80, 14, '11223344', 0x60)),
    { expect: staysOr([3, 1], [3, 9], [3, 5]) },
  ),
  one(
    'U28',
    'MP_REACH_NLRI of the octets 010110ffffff0000',
    (slot) => mp(slot, b.attribute(0x80, 14, '010110ffffff0000')),
    { expect: staysOr([3, 1], [3, 9]) },
  ),
  one('U28', 'MP_REACH_NLRI of AFI 0', (slot) => mp(slot, b.attribute(0x80, 14, '00000104c000020100')), {
    expect: staysOr([3, 1], [3, 9]),
  }),
  ...(
    [
      [1, 133],
      [16_388, 71],
    ] as const
  ).flatMap(([afi, safi]) => [
    one(
      'U29',
      `routes of AFI ${afi}, SAFI ${safi}, which nobody offered`,
      (slot) => mp(slot, b.mpReach('0a010203', 'c0000201', afi, safi)),
      tagged(stays, 'rfc4760-7-not-negotiated-over-tcp'),
    ),
    one(
      'U29',
      `withdrawn routes of AFI ${afi}, SAFI ${safi}, which nobody offered`,
      () => b.update({ attributes: b.mpUnreach('0a010203', afi, safi) }),
      tagged(stays, 'rfc4760-7-not-negotiated-over-tcp'),
    ),
  ]),
]

const ends: readonly Case[] = [
  one('U30', 'an End-of-RIB for IPv4', () => b.update({}), { expect: isAccepted }),
  one('U30', 'an End-of-RIB for IPv6', unreachable(''), { expect: isAccepted }),
  one('U30', 'ten thousand End-of-RIBs', () => b.update({}).repeat(10_000), { expect: isAccepted }),
  one(
    'U30',
    'an End-of-RIB with an ORIGIN of 2 octets',
    () => b.update({ attributes: b.mpUnreach('') + b.attribute(0x40, 1, '0000') }),
    tagged(reset(3, 5, '400102' + '0000'), 'rfc7606-5.2-no-routes-over-tcp'),
  ),
  one(
    'U30',
    'an UPDATE with nothing but an ORIGIN of 3',
    () => b.update({ attributes: b.attribute(0x40, 1, '03') }),
    tagged(reset(3, 6, '40010103'), 'rfc7606-5.2-no-routes-over-tcp'),
  ),
  one(
    'U30',
    'an End-of-RIB with an ATOMIC_AGGREGATE of 1 octet',
    () => b.update({ attributes: b.mpUnreach('') + b.attribute(0x40, 6, '00') }),
    { expect: stays },
  ),
  one('U30', 'an End-of-RIB for AFI 1, SAFI 133', () => b.update({ attributes: b.mpUnreach('', 1, 133) }), {
    expect: stays,
  }),
]

const rest: readonly Case[] = [
  one(
    'U31',
    'path identifiers that were not negotiated',
    (slot) => b.update({ attributes: base(slot), nlri: `00000001${nlri}` }),
    { expect: staysOr([3, 10]) },
  ),
  one(
    'U31',
    'path identifiers after a capability that offered to send them',
    (slot) => b.update({ attributes: base(slot), nlri: `00000001${nlri}` }),
    {
      expect: staysOr([3, 10]),
      open: (slot) => openOf(slot, { extra: b.capability(69, '00010103') }),
    },
  ),
  one(
    'U32',
    'one route both withdrawn and announced',
    (slot) => b.update({ withdrawn: nlri, attributes: base(slot), nlri }),
    {
      expect: isAccepted,
    },
  ),
]

export const updateCases: readonly Case[] = [...sections, ...missing, ...networks, ...multiprotocol, ...ends, ...rest]
