import { test } from 'node:test'
import type { Capability } from './messages.ts'
import { exabgp, frr, gobgp } from './testing/captures.ts'
import { attribute, hex, open, tlv, update } from './testing/second-writer.ts'
import type { Vector } from './testing/vectors.ts'
import {
  address,
  announcing,
  attributes,
  checkVector,
  endOfRib,
  external,
  twoOctet,
  withdrawing,
} from './testing/vectors.ts'

/** FRR ran on loopback and says so in NEXT_HOP. */
const onLoopback = { ...external, localAddress: address('127.0.0.2') }

const unknown = (code: number, value: string): Capability => ({ kind: 'unknown', code, value: hex(value) })
const ipv4Unicast: Capability = { kind: 'multiprotocol', afi: 1, safi: 1 }
const ipv6Unicast: Capability = { kind: 'multiprotocol', afi: 2, safi: 1 }

const large = { globalAdmin: 64512, data1: 1, data2: 2 }
const origin = attribute(0x40, 1, '00')

// Where others use a freedom of RFC 4271 section 4.3 differently, `canonical` says the same the way that we do.
const vectors: readonly Vector[] = [
  {
    name: 'OPEN of GoBGP: an AS of four octets, all capabilities in one parameter',
    bytes: hex(gobgp.open),
    message: {
      kind: 'open',
      version: 4,
      asn: 23456,
      holdTimeSeconds: 90,
      routerId: 0x0a000001,
      capabilities: [
        { kind: 'routeRefresh' },
        unknown(73, '02766d00'),
        ipv4Unicast,
        ipv6Unicast,
        { kind: 'fourOctetAs', asn: 4200000001 },
        unknown(64, '007800010100'),
        unknown(5, '000100010002'),
      ],
    },
  },
  {
    name: 'OPEN of FRR: a parameter for each capability',
    bytes: hex(frr.open),
    message: {
      kind: 'open',
      version: 4,
      asn: 64512,
      holdTimeSeconds: 180,
      routerId: 0x0a000002,
      capabilities: [
        ipv4Unicast,
        ipv6Unicast,
        unknown(128, ''),
        { kind: 'routeRefresh' },
        unknown(70, ''),
        { kind: 'fourOctetAs', asn: 64512 },
        unknown(6, ''),
        unknown(69, '0001010100020101'),
        unknown(73, '086672722d6e6f646500'),
        unknown(64, 'c078'),
        unknown(71, '0001018000000000020180000000'),
      ],
    },
    canonical: open({
      asn: 64512,
      holdTime: 180,
      routerId: '0a000002',
      parameters: tlv(
        2,
        [
          '010400010001 010400020001 8000 0200 4600 41040000fc00 0600',
          '45080001010100020101 490a086672722d6e6f646500 4002c078 470e0001018000000000020180000000',
        ].join(''),
      ),
    }),
  },
  {
    name: 'OPEN of ExaBGP: a hold time of 30 s',
    bytes: hex(exabgp.open),
    message: {
      kind: 'open',
      version: 4,
      asn: 64512,
      holdTimeSeconds: 30,
      routerId: 0x0a000003,
      capabilities: [
        ipv4Unicast,
        ipv6Unicast,
        { kind: 'fourOctetAs', asn: 64512 },
        unknown(64, '803c0001018000020180'),
        { kind: 'routeRefresh' },
        unknown(70, ''),
        unknown(6, ''),
      ],
    },
    canonical: open({
      holdTime: 30,
      routerId: '0a000003',
      parameters: tlv(2, '010400010001 010400020001 41040000fc00 400a803c0001018000020180 0200 4600 0600'),
    }),
  },
  { name: 'KEEPALIVE of GoBGP', bytes: hex(gobgp.keepalive), message: { kind: 'keepalive' } },
  {
    name: 'UPDATE of GoBGP: two IPv4 routes with communities',
    bytes: hex(gobgp.announceIpv4),
    message: announcing(
      attributes({
        asPath: [{ kind: 'sequence', asns: [4200000001] }],
        med: 50,
        communities: [0xfc000001, 0xffffff01],
        largeCommunities: [large],
      }),
      '10.0.0.1',
      '192.0.2.128/25',
      '192.0.2.1/32',
    ),
  },
  {
    name: 'UPDATE of GoBGP: an IPv6 route, MP_REACH_NLRI as the last attribute',
    bytes: hex(gobgp.announceIpv6),
    message: announcing(
      attributes({ asPath: [{ kind: 'sequence', asns: [4200000001] }], communities: [0xfc000001] }),
      '2001:db8:ffff::1',
      '2001:db8::1/128',
    ),
    canonical: update({
      attributes: [
        attribute(0x80, 14, '00020110 20010db8ffff00000000000000000001 00 80 20010db8000000000000000000000001'),
        origin,
        attribute(0x40, 2, '0201fa56ea01'),
        attribute(0xc0, 8, 'fc000001'),
      ].join(''),
    }),
  },
  {
    name: 'UPDATE of GoBGP: an IPv4 withdrawal',
    bytes: hex(gobgp.withdrawIpv4),
    message: withdrawing('192.0.2.1/32'),
  },
  {
    name: 'UPDATE of GoBGP: an IPv6 withdrawal',
    bytes: hex(gobgp.withdrawIpv6),
    message: withdrawing('2001:db8::1/128'),
  },
  {
    name: 'UPDATE of GoBGP to a two-octet speaker: AS4_PATH restores the path',
    bytes: hex(gobgp.announceTwoOctet),
    context: twoOctet,
    message: announcing(
      attributes({ asPath: [{ kind: 'sequence', asns: [4200000001, 64999] }] }),
      '10.0.0.1',
      '192.0.2.1/32',
    ),
  },
  {
    name: 'NOTIFICATION of GoBGP: shutdown without a word',
    bytes: hex(gobgp.shutdown),
    message: { kind: 'notification', code: 6, subcode: 2, data: hex('') },
  },
  {
    name: 'UPDATE of FRR: IPv4 routes, AS_PATH with an extended length that it does not need',
    bytes: hex(frr.announceIpv4),
    context: onLoopback,
    message: announcing(
      attributes({
        asPath: [{ kind: 'sequence', asns: [64512, 4200000001] }],
        med: 20,
        communities: [0xfc000001, 0xfc000002],
        largeCommunities: [large],
      }),
      '127.0.0.1',
      '192.0.2.1/32',
      '198.51.100.0/24',
      '192.0.2.2/32',
    ),
    canonical: update({
      attributes: [
        origin,
        attribute(0x40, 2, '02020000fc00fa56ea01'),
        attribute(0x40, 3, '7f000001'),
        attribute(0x80, 4, '00000014'),
        attribute(0xc0, 8, 'fc000001fc000002'),
        attribute(0xc0, 32, '0000fc000000000100000002'),
      ].join(''),
      nlri: '20c0000201 18c63364 20c0000202',
    }),
  },
  {
    name: 'UPDATE of FRR: IPv6 routes of two lengths',
    bytes: hex(frr.announceIpv6),
    message: announcing(
      attributes({ asPath: [{ kind: 'sequence', asns: [64512] }], med: 0, communities: [0xfc000001] }),
      '::ffff:127.0.0.1',
      '2001:db8::1/128',
      '2001:db8:1::/48',
    ),
    canonical: update({
      attributes: [
        attribute(
          0x80,
          14,
          '00020110 00000000000000000000ffff7f000001 00 80 20010db8000000000000000000000001 30 20010db80001',
        ),
        origin,
        attribute(0x40, 2, '02010000fc00'),
        attribute(0x80, 4, '00000000'),
        attribute(0xc0, 8, 'fc000001'),
      ].join(''),
    }),
  },
  {
    name: 'UPDATE of FRR to a two-octet speaker: AS4_PATH behind COMMUNITIES and LARGE_COMMUNITY',
    bytes: hex(frr.announceIpv4TwoOctet),
    context: { ...twoOctet, localAddress: address('127.0.0.2') },
    message: announcing(
      attributes({
        asPath: [{ kind: 'sequence', asns: [64512, 4200000001] }],
        med: 20,
        communities: [0xfc000001, 0xfc000002],
        largeCommunities: [large],
      }),
      '127.0.0.1',
      '192.0.2.1/32',
      '198.51.100.0/24',
      '192.0.2.2/32',
    ),
    canonical: update({
      attributes: [
        origin,
        attribute(0x40, 2, '0202fc005ba0'),
        attribute(0x40, 3, '7f000001'),
        attribute(0x80, 4, '00000014'),
        attribute(0xc0, 8, 'fc000001fc000002'),
        attribute(0xc0, 17, '02020000fc00fa56ea01'),
        attribute(0xc0, 32, '0000fc000000000100000002'),
      ].join(''),
      nlri: '20c0000201 18c63364 20c0000202',
    }),
  },
  { name: 'UPDATE of FRR: an IPv4 withdrawal', bytes: hex(frr.withdrawIpv4), message: withdrawing('198.51.100.0/24') },
  {
    name: 'UPDATE of FRR: an IPv6 withdrawal with an extended length that it does not need',
    bytes: hex(frr.withdrawIpv6),
    message: withdrawing('2001:db8:1::/48'),
    canonical: update({ attributes: attribute(0x80, 15, '000201 30 20010db80001') }),
  },
  {
    name: 'ROUTE-REFRESH of FRR',
    bytes: hex(frr.routeRefresh),
    message: { kind: 'routeRefresh', afi: 2, subtype: 0, safi: 1 },
  },
  {
    name: 'NOTIFICATION of FRR: shutdown with a text (RFC 9003)',
    bytes: hex(frr.shutdown),
    message: { kind: 'notification', code: 6, subcode: 2, data: hex('06 7261636b2037') },
  },
  {
    name: 'NOTIFICATION of FRR: peer de-configured',
    bytes: hex(frr.deconfigured),
    message: { kind: 'notification', code: 6, subcode: 3, data: hex('') },
  },
  {
    name: 'UPDATE of ExaBGP: an IPv4 route with communities',
    bytes: hex(exabgp.announceIpv4),
    message: announcing(
      attributes({
        asPath: [{ kind: 'sequence', asns: [64512] }],
        med: 10,
        communities: [0xfc000001, 0xfc000002],
        largeCommunities: [large],
      }),
      '10.0.0.3',
      '192.0.2.1/32',
      '192.0.2.2/32',
    ),
  },
  {
    name: 'UPDATE of ExaBGP: a path of two',
    bytes: hex(exabgp.announceLongPath),
    message: announcing(
      attributes({ asPath: [{ kind: 'sequence', asns: [64512, 4200000001] }] }),
      '10.0.0.3',
      '203.0.113.0/24',
    ),
  },
  {
    name: 'UPDATE of ExaBGP: an IPv6 route',
    bytes: hex(exabgp.announceIpv6),
    message: announcing(
      attributes({ asPath: [{ kind: 'sequence', asns: [64512] }], communities: [0xfc000001] }),
      '2001:db8:ffff::3',
      '2001:db8::1/128',
    ),
    canonical: update({
      attributes: [
        attribute(0x80, 14, '00020110 20010db8ffff00000000000000000003 00 80 20010db8000000000000000000000001'),
        origin,
        attribute(0x40, 2, '02010000fc00'),
        attribute(0xc0, 8, 'fc000001'),
      ].join(''),
    }),
  },
  {
    name: 'UPDATE of ExaBGP to a two-octet speaker: AS4_PATH in the middle',
    bytes: hex(exabgp.announceLongPathTwoOctet),
    context: twoOctet,
    message: announcing(
      attributes({ asPath: [{ kind: 'sequence', asns: [64512, 4200000001] }] }),
      '10.0.0.3',
      '203.0.113.0/24',
    ),
    canonical: update({
      attributes: [
        origin,
        attribute(0x40, 2, '0202fc005ba0'),
        attribute(0x40, 3, '0a000003'),
        attribute(0xc0, 17, '02020000fc00fa56ea01'),
      ].join(''),
      nlri: '18cb0071',
    }),
  },
  { name: 'End-of-RIB of ExaBGP, IPv4', bytes: hex(exabgp.endOfRibIpv4), message: endOfRib('ipv4') },
  {
    name: 'End-of-RIB of ExaBGP, IPv6',
    bytes: hex(exabgp.endOfRibIpv6),
    message: endOfRib('ipv6'),
    canonical: update({ attributes: attribute(0x80, 15, '000201') }),
  },
]

for (const vector of vectors) test(vector.name, () => checkVector(vector))
