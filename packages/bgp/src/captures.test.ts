import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Capability, CodecContext } from './messages.ts'
import { bird, exabgp, frr, gobgp } from './testing/captures.ts'
import { attribute, hex, open, tlv, update } from './testing/second-writer.ts'
import type { Vector } from './testing/vectors.ts'
import {
  address,
  announcing,
  attributes,
  checkVector,
  decodedUpdate,
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

const v4 = { afi: 1, safi: 1 } as const
const v6 = { afi: 2, safi: 1 } as const
const ipv4OverIpv6: Capability = { kind: 'extendedNextHop', entries: [{ ...v4, nextHopAfi: 2 }] }
const addPath = (direction: 'receive' | 'send' | 'both'): Capability => ({
  kind: 'addPath',
  families: [
    { ...v4, direction },
    { ...v6, direction },
  ],
})
const longLived = (rest: { readonly isForwarding: boolean; readonly staleTimeSeconds: number }): Capability => ({
  kind: 'longLivedGracefulRestart',
  families: [
    { ...v4, ...rest },
    { ...v6, ...rest },
  ],
})
const exabgpRestart: Capability = {
  kind: 'gracefulRestart',
  isRestarting: true,
  hasNotification: false,
  restartTimeSeconds: 60,
  families: [
    { ...v4, isForwarding: true },
    { ...v6, isForwarding: true },
  ],
}
/** Neither side has kept anything yet. */
const freshRestart = (rest: { readonly isRestarting: boolean; readonly hasNotification: boolean }): Capability => ({
  kind: 'gracefulRestart',
  ...rest,
  restartTimeSeconds: 120,
  families: [
    { ...v4, isForwarding: false },
    { ...v6, isForwarding: false },
  ],
})

/** Everything negotiated that changes how routes are written. */
const many = {
  ...external,
  addPath: { send: ['ipv4', 'ipv6'], receive: ['ipv4', 'ipv6'] },
  extendedNextHop: ['ipv4'],
} as const satisfies CodecContext

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
        { kind: 'fqdn', hostName: 'vm', domainName: '' },
        ipv4Unicast,
        ipv6Unicast,
        { kind: 'fourOctetAs', asn: 4200000001 },
        {
          kind: 'gracefulRestart',
          isRestarting: false,
          hasNotification: false,
          restartTimeSeconds: 120,
          families: [{ ...v4, isForwarding: false }],
        },
        ipv4OverIpv6,
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
        { kind: 'enhancedRouteRefresh' },
        { kind: 'fourOctetAs', asn: 64512 },
        { kind: 'extendedMessage' },
        addPath('receive'),
        { kind: 'fqdn', hostName: 'frr-node', domainName: '' },
        {
          kind: 'gracefulRestart',
          isRestarting: true,
          hasNotification: true,
          restartTimeSeconds: 120,
          families: [],
        },
        longLived({ isForwarding: true, staleTimeSeconds: 0 }),
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
        exabgpRestart,
        { kind: 'routeRefresh' },
        { kind: 'enhancedRouteRefresh' },
        { kind: 'extendedMessage' },
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
  {
    name: 'OPEN of GoBGP: graceful restart with the N bit, long-lived, add-path to send',
    bytes: hex(gobgp.openOfMany),
    message: {
      kind: 'open',
      version: 4,
      asn: 64512,
      holdTimeSeconds: 90,
      routerId: 0x0a000001,
      capabilities: [
        { kind: 'routeRefresh' },
        { kind: 'fqdn', hostName: 'vm', domainName: '' },
        ipv4Unicast,
        ipv6Unicast,
        { kind: 'fourOctetAs', asn: 64512 },
        freshRestart({ isRestarting: false, hasNotification: true }),
        longLived({ isForwarding: false, staleTimeSeconds: 3600 }),
        ipv4OverIpv6,
        addPath('send'),
      ],
    },
  },
  {
    name: 'OPEN of FRR: all that it can, a role among them',
    bytes: hex(frr.openOfMany),
    message: {
      kind: 'open',
      version: 4,
      asn: 64512,
      holdTimeSeconds: 180,
      routerId: 0x0a000002,
      capabilities: [
        ipv4Unicast,
        ipv4OverIpv6,
        ipv6Unicast,
        unknown(128, ''),
        { kind: 'routeRefresh' },
        { kind: 'enhancedRouteRefresh' },
        { kind: 'fourOctetAs', asn: 64512 },
        { kind: 'extendedMessage' },
        { kind: 'role', value: 0 },
        addPath('both'),
        { kind: 'fqdn', hostName: 'vm', domainName: '' },
        freshRestart({ isRestarting: true, hasNotification: true }),
        longLived({ isForwarding: true, staleTimeSeconds: 3600 }),
      ],
    },
    canonical: open({
      asn: 64512,
      holdTime: 180,
      routerId: '0a000002',
      parameters: tlv(
        2,
        [
          '010400010001 0506000100010002 010400020001 8000 0200 4600 41040000fc00 0600 090100',
          '45080001010300020103 490402766d00 400ac0780001010000020100 470e00010180000e1000020180000e10',
        ].join(''),
      ),
    }),
  },
  {
    name: 'OPEN of ExaBGP: graceful restart, add-path to send, IPv4 routes over IPv6',
    bytes: hex(exabgp.openOfMany),
    message: {
      kind: 'open',
      version: 4,
      asn: 64512,
      holdTimeSeconds: 180,
      routerId: 0x0a000003,
      capabilities: [
        ipv4Unicast,
        ipv6Unicast,
        { kind: 'fourOctetAs', asn: 64512 },
        ipv4OverIpv6,
        addPath('send'),
        exabgpRestart,
        { kind: 'routeRefresh' },
        { kind: 'enhancedRouteRefresh' },
        { kind: 'extendedMessage' },
      ],
    },
    canonical: open({
      holdTime: 180,
      routerId: '0a000003',
      parameters: tlv(
        2,
        [
          '010400010001 010400020001 41040000fc00 0506000100010002 45080001010200020102',
          '400a803c0001018000020180 0200 4600 0600',
        ].join(''),
      ),
    }),
  },
  {
    name: 'OPEN of BIRD: role, long-lived graceful restart, add-path to send',
    bytes: hex(bird.open),
    message: {
      kind: 'open',
      version: 4,
      asn: 64512,
      holdTimeSeconds: 240,
      routerId: 0x0a000004,
      capabilities: [
        ipv4Unicast,
        ipv6Unicast,
        { kind: 'routeRefresh' },
        ipv4OverIpv6,
        { kind: 'extendedMessage' },
        { kind: 'role', value: 0 },
        freshRestart({ isRestarting: false, hasNotification: false }),
        { kind: 'fourOctetAs', asn: 64512 },
        addPath('send'),
        { kind: 'enhancedRouteRefresh' },
        longLived({ isForwarding: false, staleTimeSeconds: 3600 }),
      ],
    },
  },
  {
    name: 'UPDATE of BIRD: IPv4 over IPv6 with a path identifier, three kinds of communities, OTC [rfc8950-3-next-hop]',
    bytes: hex(bird.announceIpv4OverIpv6),
    context: many,
    message: announcing(
      attributes({
        asPath: [{ kind: 'sequence', asns: [64512] }],
        communities: [0xfc000001],
        extendedCommunities: [{ high: 0x0002fc00, low: 100 }],
        largeCommunities: [large],
        onlyToCustomer: 64512,
      }),
      '2001:db8::1',
      '198.51.100.1/32',
    ),
    canonical: update({
      attributes: [
        attribute(0x80, 14, '00010110 20010db8000000000000000000000001 00 00000001 20c6336401'),
        origin,
        attribute(0x40, 2, '02010000fc00'),
        attribute(0xc0, 8, 'fc000001'),
        attribute(0xc0, 16, '0002fc0000000064'),
        attribute(0xc0, 32, '0000fc000000000100000002'),
        attribute(0xc0, 35, '0000fc00'),
      ].join(''),
    }),
  },
  {
    name: 'UPDATE of BIRD: IPv6 with a path identifier',
    bytes: hex(bird.announceIpv6AddPath),
    context: many,
    message: announcing(
      attributes({ asPath: [{ kind: 'sequence', asns: [64512] }], onlyToCustomer: 64512 }),
      '2001:db8::1',
      '2001:db8:1::/48',
    ),
    canonical: update({
      attributes: [
        attribute(0x80, 14, '00020110 20010db8000000000000000000000001 00 00000001 3020010db80001'),
        origin,
        attribute(0x40, 2, '02010000fc00'),
        attribute(0xc0, 35, '0000fc00'),
      ].join(''),
    }),
  },
  {
    name: 'UPDATE of FRR: IPv4 over IPv6, link bandwidth, OTC',
    bytes: hex(frr.announceIpv4OverIpv6),
    context: many,
    message: announcing(
      attributes({
        asPath: [{ kind: 'sequence', asns: [64512] }],
        med: 0,
        communities: [0xfc000001],
        largeCommunities: [large],
        extendedCommunities: [
          { high: 0x0002fc00, low: 100 },
          { high: 0x0004fc00, low: 0x4b3ebc20 },
        ],
        onlyToCustomer: 64512,
      }),
      '2001:db8::1',
      '198.51.100.1/32',
      '203.0.113.0/24',
    ),
    canonical: update({
      attributes: [
        attribute(0x80, 14, '00010110 20010db8000000000000000000000001 00 00000001 20c6336401 00000001 18cb0071'),
        origin,
        attribute(0x40, 2, '02010000fc00'),
        attribute(0x80, 4, '00000000'),
        attribute(0xc0, 8, 'fc000001'),
        attribute(0xc0, 16, '0002fc0000000064 0004fc004b3ebc20'),
        attribute(0xc0, 32, '0000fc000000000100000002'),
        attribute(0xc0, 35, '0000fc00'),
      ].join(''),
    }),
  },
  {
    name: 'UPDATE of FRR: an IPv4 withdrawal in MP_UNREACH_NLRI; ours has the field of RFC 4271',
    bytes: hex(frr.withdrawIpv4OverIpv6),
    context: many,
    message: withdrawing('203.0.113.0/24'),
    canonical: update({ withdrawn: '00000001 18cb0071' }),
  },
  {
    name: 'UPDATE of GoBGP: IPv4 over IPv6, MP_REACH_NLRI in front of a community of eight octets',
    bytes: hex(gobgp.announceIpv4OverIpv6),
    context: many,
    message: announcing(
      attributes({
        origin: 'incomplete',
        asPath: [{ kind: 'sequence', asns: [64512] }],
        extendedCommunities: [{ high: 0x0002fc00, low: 100 }],
      }),
      '2001:db8::1',
      '198.51.100.1/32',
    ),
    canonical: update({
      attributes: [
        attribute(0x80, 14, '00010110 20010db8000000000000000000000001 00 00000001 20c6336401'),
        attribute(0x40, 1, '02'),
        attribute(0x40, 2, '02010000fc00'),
        attribute(0xc0, 16, '0002fc0000000064'),
      ].join(''),
    }),
  },
  {
    name: 'UPDATE of GoBGP: a withdrawal with a path identifier in the field of RFC 4271, as ours',
    bytes: hex(gobgp.withdrawIpv4AddPath),
    context: many,
    message: withdrawing('198.51.100.1/32'),
  },
  {
    name: 'UPDATE of ExaBGP: path identifier 7, a community that does not leave the AS',
    bytes: hex(exabgp.announceIpv4OverIpv6),
    context: many,
    message: announcing(
      attributes({
        asPath: [{ kind: 'sequence', asns: [64512] }],
        extendedCommunities: [
          { high: 0x0002fc00, low: 100 },
          { high: 0x0003fc00, low: 1 },
          { high: 0x4004fde8, low: 0x48bebc20 },
        ],
      }),
      '2001:db8::1',
      '198.51.100.1/32',
    ),
    canonical: update({
      attributes: [
        attribute(0x80, 14, '00010110 20010db8000000000000000000000001 00 00000001 20c6336401'),
        origin,
        attribute(0x40, 2, '02010000fc00'),
        attribute(0xc0, 16, '0002fc0000000064 0003fc0000000001 4004fde848bebc20'),
      ].join(''),
    }),
  },
  {
    name: 'End-of-RIB of BIRD, IPv6, beside add-path',
    bytes: hex(bird.endOfRibIpv6),
    context: many,
    message: endOfRib('ipv6'),
  },
  {
    name: 'ROUTE-REFRESH of BIRD: begin and end of an enhanced refresh',
    bytes: hex(bird.beginOfRefresh),
    message: { kind: 'routeRefresh', afi: 1, subtype: 1, safi: 1 },
  },
  {
    name: 'ROUTE-REFRESH of FRR: the end of an enhanced refresh',
    bytes: hex(frr.endOfRefresh),
    message: { kind: 'routeRefresh', afi: 1, subtype: 2, safi: 1 },
  },
  {
    name: 'NOTIFICATION of BIRD: shutdown with a text that is not ASCII',
    bytes: hex(bird.shutdown),
    message: { kind: 'notification', code: 6, subcode: 2, data: hex('0f 7261636b20373a20c3a4726765726e') },
  },
  {
    name: 'NOTIFICATION of FRR: a shutdown inside of a Hard Reset',
    bytes: hex(frr.hardReset),
    message: { kind: 'notification', code: 6, subcode: 9, data: hex('06 02 06 7261636b2037') },
  },
]

for (const vector of vectors) test(vector.name, () => checkVector(vector))

test('UPDATE of BIRD of 4,452 octets: one route with 1,100 communities [rfc8654-4-receive]', () => {
  const lines = readFileSync(new URL('testing/bird-extended-message.hex', import.meta.url), 'utf8').split('\n')
  const bytes = hex(lines.filter((line) => !line.startsWith('#')).join(''))
  const context = { ...external, maxReceivedLength: 65535, maxSentLength: 65535 }
  const result = decodedUpdate(bytes, context)
  assert.equal(result.announced?.attributes.communities.length, 1100)
  checkVector({ name: '', bytes, context, message: result })
})
