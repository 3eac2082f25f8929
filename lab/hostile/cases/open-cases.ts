// Rows O1 to O16: OPEN messages, and messages that come where an OPEN should or should not. O17 is about many tries.
import { closed, isAccepted, reset, stays, type Case } from '../case.ts'
import type { Json } from '../../harness/json.ts'
import * as b from '../bytes.ts'
import { isNull, isSafe } from '../peers-api.ts'
import { openOf, speaker, type Slot } from '../scene.ts'

/** An input that is the OPEN itself. */
const opening = (
  row: string,
  title: string,
  input: Case['input'],
  rest: Pick<Case, 'expect' | 'tags' | 'shows'>,
): Case => ({
  row,
  title,
  stage: 'openSent',
  input,
  ...rest,
})

/** An OPEN with these optional parameters, as they are. */
const withParameters = (slot: Slot, parameters: string, parametersLength?: number): string =>
  openOf(slot, { parameters, ...(parametersLength !== undefined && { parametersLength }) })

/** A good OPEN with this capability besides. */
const extra = (value: string) => (slot: Slot) => openOf(slot, { extra: value })

/** The capabilities that every case here needs in order to be judged by its own fault alone. */
const usual = ({ scene }: Slot): string =>
  b.capabilities.ipv4 + b.capabilities.ipv6 + b.capabilities.fourOctetAs(scene.peerAsn)

const versions = [0, 3, 5, 255].map((version) =>
  opening('O1', `BGP version ${version}`, (slot) => openOf(slot, { version }), {
    expect: reset(2, 1, '0004'),
    tags: ['rfc4271-6.2-version-over-tcp'],
  }),
)

const noFourOctet = b.parameter(b.capabilities.ipv4 + b.capabilities.ipv6)
const badPeerAs = { expect: reset(2, 2), tags: ['rfc4271-6.2-peer-as-over-tcp'] }
const asZero = { expect: reset(2, 2), tags: ['rfc7607-2-as-zero-open-over-tcp'] }

const asNumbers: readonly Case[] = [
  opening(
    'O2',
    'another AS than configured, without capability 65',
    (slot) => openOf(slot, { asn: 64_999, parameters: noFourOctet }),
    badPeerAs,
  ),
  opening(
    'O2',
    'another AS than configured in capability 65',
    (slot) => withParameters(slot, b.parameter(b.capabilities.ipv4 + b.capabilities.fourOctetAs(4_200_000_000))),
    badPeerAs,
  ),
  opening('O2', 'AS 0 in the header field', (slot) => openOf(slot, { asn: 0, parameters: noFourOctet }), asZero),
  opening(
    'O2',
    'AS 0 in capability 65',
    (slot) => withParameters(slot, b.parameter(b.capabilities.ipv4 + b.capabilities.fourOctetAs(0))),
    asZero,
  ),
  opening('O2', 'AS_TRANS without capability 65', (slot) => openOf(slot, { asn: 23_456, parameters: noFourOctet }), {
    expect: reset(2, 2),
    tags: ['rfc4271-6.2-peer-as-over-tcp'],
  }),
]

const identifiers: readonly Case[] = [
  opening('O3', 'a BGP Identifier of 0.0.0.0', (slot) => openOf(slot, { identifier: '00000000' }), {
    expect: reset(2, 3),
    tags: ['rfc6286-2.2-zero-identifier-over-tcp'],
  }),
  opening('O3', 'our own BGP Identifier', (slot) => openOf(slot, { identifier: speaker.hex.ipv4 }), {
    expect: ({ isInternal }) => (isInternal ? reset(2, 3) : isAccepted),
    tags: ['rfc6286-2.2-same-identifier-over-tcp'],
  }),
]

const holdTimes: readonly Case[] = [1, 2].map((holdTime) =>
  opening('O4', `a hold time of ${holdTime} s`, (slot) => openOf(slot, { holdTime }), {
    expect: reset(2, 6),
    tags: ['rfc4271-6.2-hold-time-over-tcp'],
  }),
)

const malformed = { expect: reset(2, 0), tags: ['rfc4271-6.2-malformed-parameters-over-tcp'] }
const malformedExtended = { expect: reset(2, 0), tags: ['rfc9072-2-lengths-over-tcp'] }

const lengths: readonly Case[] = [
  opening(
    'O5',
    'Optional Parameters longer than the rest of the message',
    (slot) => withParameters(slot, b.parameter(usual(slot)), b.sizeOf(usual(slot)) + 3),
    malformed,
  ),
  opening(
    'O5',
    'Optional Parameters shorter than the rest of the message',
    (slot) => withParameters(slot, b.parameter(usual(slot)), b.sizeOf(usual(slot)) + 1),
    malformed,
  ),
  opening(
    'O5',
    'no Optional Parameters by their length, and some behind',
    (slot) => withParameters(slot, b.parameter(usual(slot)), 0),
    malformed,
  ),
  ...['ff00020001', 'ff000200', 'ff0002', 'ff00'].map((rest, index) =>
    opening(
      'O6',
      `the extended form cut off (CVE-2022-40302), ${index} octets missing`,
      (slot) => withParameters(slot, rest, 0xff),
      malformedExtended,
    ),
  ),
  opening(
    'O7',
    '29 octets that end with an Optional Parameters Length of 255 (CVE-2022-43681)',
    (slot) => withParameters(slot, '', 0xff),
    malformedExtended,
  ),
  ...[1, 7].map((type) =>
    opening(
      'O8',
      `an optional parameter of type ${type}`,
      (slot) => withParameters(slot, b.parameter(usual(slot)) + b.parameter('0000', type)),
      {
        expect: reset(2, 4),
        tags: ['rfc4271-6.2-optional-parameter-over-tcp'],
      },
    ),
  ),
  opening(
    'O9',
    'a capability longer than its parameter',
    (slot) => withParameters(slot, b.parameter(usual(slot) + b.capability(1, '0001', 4))),
    malformed,
  ),
  opening(
    'O9',
    'a capability of one octet',
    (slot) => withParameters(slot, b.parameter(`${usual(slot)}41`)),
    malformed,
  ),
]

const ignored = { expect: isAccepted, tags: ['rfc5492-3-unknown-capability-over-tcp'] }

/** Two hundred capabilities of no content with codes that nobody has given away. */
const unknowns = (count: number): string =>
  Array.from({ length: count }, (_, index) => b.capability(140 + (index % 40))).join('')

const unknownCapabilities: readonly Case[] = [
  opening('O10', 'an unknown capability without content', extra(b.capability(200)), ignored),
  opening(
    'O10',
    'an unknown capability of 253 octets',
    (slot) => withParameters(slot, b.extendedParameters(usual(slot) + b.capability(201, 'aa'.repeat(253)))),
    ignored,
  ),
  opening(
    'O10',
    '100 unknown capabilities',
    (slot) => withParameters(slot, b.parameter(usual(slot) + unknowns(100))),
    ignored,
  ),
  opening(
    'O10',
    '200 unknown capabilities in the extended form',
    (slot) => withParameters(slot, b.extendedParameters(usual(slot) + unknowns(200)), 0xff),
    {
      expect: isAccepted,
      tags: ['rfc5492-3-unknown-capability-over-tcp', 'rfc9072-2-extended-form-over-tcp'],
    },
  ),
]

const hasNoGracefulRestart = (view: Json): string | undefined =>
  isNull(view.at('negotiated').at('gracefulRestart')) ? undefined : 'graceful restart is shown as negotiated'

const hasNoAddPath = (view: Json): string | undefined =>
  view.at('negotiated').at('addPath').list().length === 0 ? undefined : 'add-path is shown as negotiated'

const malformedCapabilities: readonly Case[] = [
  opening(
    'O11',
    'a multiprotocol capability of 3 octets',
    (slot) => withParameters(slot, b.parameter(usual(slot) + b.capability(1, '000100'))),
    { expect: reset(2, 0) },
  ),
  opening(
    'O11',
    'a multiprotocol capability of 5 octets',
    (slot) => withParameters(slot, b.parameter(usual(slot) + b.capability(1, '0001000100'))),
    { expect: reset(2, 0) },
  ),
  opening(
    'O11',
    'capability 65 of 2 octets',
    (slot) => withParameters(slot, b.parameter(b.capabilities.ipv4 + b.capability(65, b.u16(slot.scene.peerAsn)))),
    {
      expect: reset(2, 0),
    },
  ),
  opening(
    'O11',
    'two capabilities 65 that contradict each other',
    (slot) => withParameters(slot, b.parameter(usual(slot) + b.capabilities.fourOctetAs(64_998))),
    { expect: reset(2, 0) },
  ),
  ...[1, 3, 5].map((size) =>
    opening('O12', `a graceful restart capability of ${size} octets`, extra(b.capability(64, '00'.repeat(size))), {
      expect: isAccepted,
      shows: hasNoGracefulRestart,
    }),
  ),
  ...[1, 6, 8].map((size) =>
    opening(
      'O12',
      `a long-lived graceful restart capability of ${size} octets`,
      extra(b.capability(64, '0078') + b.capability(71, '00'.repeat(size))),
      { expect: isAccepted },
    ),
  ),
  ...[3, 5].map((size) =>
    opening('O13', `an add-path capability of ${size} octets`, extra(b.capability(69, '00'.repeat(size))), {
      expect: isAccepted,
      shows: hasNoAddPath,
    }),
  ),
  ...[0, 4].map((direction) =>
    opening(
      'O13',
      `an add-path capability with Send/Receive ${direction}`,
      extra(b.capability(69, `000101${b.u8(direction)}`)),
      { expect: isAccepted, shows: hasNoAddPath, tags: ['rfc7911-4-unknown-send-receive-over-tcp'] },
    ),
  ),
  ...[5, 7].map((size) =>
    opening('O13', `an extended next hop capability of ${size} octets`, extra(b.capability(5, '00'.repeat(size))), {
      expect: isAccepted,
    }),
  ),
]

/** Names and versions are for people: nothing of them may steer a terminal. */
const areTextsSafe = (view: Json): string | undefined => {
  const { neighbor, notification } = { neighbor: view.at('neighbor'), notification: view.at('lastNotification') }
  const texts = [
    ...(isNull(neighbor) ? [] : [neighbor.at('hostName'), neighbor.at('softwareVersion')]),
    ...(isNull(notification) ? [] : [notification.at('communication'), notification.at('text')]),
  ]
  return texts.every(isSafe) ? undefined : 'a text is shown as it came'
}

/** Every control character: NUL, newline, escape sequences. */
const controls = Array.from({ length: 32 }, (_, index) => b.u8(index)).join('')

const texts: readonly Case[] = [
  opening('O14', 'a host name longer than its capability', extra(b.capability(73, '40616263')), {
    expect: isAccepted,
    shows: areTextsSafe,
  }),
  opening('O14', 'a domain name longer than its capability', extra(b.capability(73, '0161ff62')), {
    expect: isAccepted,
    shows: areTextsSafe,
  }),
  opening('O14', 'a host name of control characters', extra(b.capability(73, `20${controls}051b5b324a0a`)), {
    expect: isAccepted,
    shows: areTextsSafe,
  }),
  opening('O14', 'a software version longer than its capability', extra(b.capability(75, 'ff6162')), {
    expect: isAccepted,
    shows: areTextsSafe,
  }),
  opening(
    'O14',
    'a software version of 252 control characters',
    (slot) =>
      withParameters(
        slot,
        b.extendedParameters(usual(slot) + b.capability(75, `fc${'1b5b324a0d0a07'.repeat(36)}`)),
        0xff,
      ),
    {
      expect: isAccepted,
      shows: areTextsSafe,
    },
  ),
]

const misplaced: readonly Case[] = [
  opening('O15', 'a KEEPALIVE before the OPEN', () => b.keepalive, {
    expect: reset(5, 1, '04'),
    tags: ['rfc6608-3-open-sent-over-tcp', 'rfc6608-4-data-over-tcp'],
  }),
  opening('O15', 'an UPDATE before the OPEN', () => b.update({}), {
    expect: reset(5, 1, '02'),
    tags: ['rfc6608-3-open-sent-over-tcp', 'rfc6608-4-data-over-tcp'],
  }),
  opening('O15', 'a ROUTE-REFRESH before the OPEN', () => b.routeRefresh(1, 1), {
    expect: reset(5, 1, '05'),
    tags: ['rfc6608-3-open-sent-over-tcp'],
  }),
  {
    row: 'O16',
    title: 'a second OPEN in OpenConfirm',
    stage: 'openConfirm',
    input: openOf,
    expect: reset(5, 2, '01'),
    tags: ['rfc6608-3-open-confirm-over-tcp'],
  },
  {
    row: 'O16',
    title: 'an UPDATE in OpenConfirm',
    stage: 'openConfirm',
    input: () => b.update({}),
    expect: reset(5, 2, '02'),
    tags: ['rfc6608-3-open-confirm-over-tcp'],
  },
  {
    row: 'O16',
    title: 'a second OPEN in Established',
    stage: 'established',
    input: openOf,
    expect: reset(5, 3, '01'),
    tags: ['rfc6608-3-established-over-tcp'],
  },
]

const notifications: readonly Case[] = (['openSent', 'openConfirm', 'established'] as const).flatMap((stage) => {
  const name = { openSent: 'before OPEN', openConfirm: 'in OpenConfirm', established: 'in Established' }[stage]
  const one = (row: string, title: string, hex: string): Case => ({
    row,
    title: `${title}, ${name}`,
    stage,
    input: () => hex,
    expect: closed,
    tags: ['rfc4271-6.4-notification-error-over-tcp'],
  })
  return [
    one('N1', 'a NOTIFICATION of code 0', b.notification(0, 0)),
    one('N1', 'a NOTIFICATION of code 99, subcode 255', b.notification(99, 255)),
    one('N3', 'a Hard Reset without the code that it wraps', b.notification(6, 9)),
    one('N3', 'a Hard Reset with half of what it wraps', b.notification(6, 9, '06')),
    one('N3', 'a Cease', b.notification(6, 4)),
  ]
})

/** RFC 9003: one octet of length, then UTF-8. */
const shutdownTexts: readonly Case[] = [
  ['a shutdown text that says 255 octets and has 3', 'ff616263'],
  ['a shutdown text of no octets', '00'],
  ['a shutdown without even the length of its text', ''],
  ['a shutdown text that is not UTF-8', '04c328a0ff'],
  ['a shutdown text of escape sequences and newlines', '0c1b5b324a0a7b226122000d07'],
  ['a shutdown text of 255 octets with an end of line in each second place', `ff${'0a41'.repeat(127)}0a`],
].map(([title = '', data = '']): Case => ({
  row: 'N2',
  title,
  stage: 'established',
  input: () => b.notification(6, 2, data),
  expect: closed,
  tags: ['rfc9003-2-malformed-text-over-tcp'],
}))

const crossing: Case = {
  row: 'N3',
  title: 'a NOTIFICATION right behind what makes us close ourselves',
  stage: 'established',
  input: () => b.marker + b.u16(19) + b.u8(255) + b.notification(6, 9) + b.notification(6, 2, 'ff'),
  expect: reset(1, 3, 'ff'),
}

/** RFC 7313: what is said about lengths holds where both sides offer enhanced refresh. */
const enhanced = (slot: Slot): string => openOf(slot, { extra: b.capabilities.enhancedRouteRefresh })
const refresh = (title: string, input: string, rest: Pick<Case, 'expect' | 'tags'>): Case => ({
  row: 'R1',
  title,
  stage: 'established',
  open: enhanced,
  input: () => input,
  ...rest,
})

const refreshes: readonly Case[] = [
  refresh('a ROUTE-REFRESH of 22 octets', b.message(5, '000100'), { expect: reset(1, 2, '0016') }),
  refresh('a BoRR of 24 octets', b.routeRefresh(1, 1, 1, '00'), {
    expect: reset(7, 1, b.routeRefresh(1, 1, 1, '00')),
    tags: ['rfc7313-5-marker-length-over-tcp'],
  }),
  refresh('an EoRR of 27 octets', b.routeRefresh(1, 1, 2, '00000000'), {
    expect: reset(7, 1, b.routeRefresh(1, 1, 2, '00000000')),
    tags: ['rfc7313-5-marker-length-over-tcp'],
  }),
  refresh('a ROUTE-REFRESH for AFI 1, SAFI 133', b.routeRefresh(1, 133), {
    expect: isAccepted,
    tags: ['rfc2918-4-not-negotiated-over-tcp'],
  }),
  refresh('a ROUTE-REFRESH for AFI 16388, SAFI 71', b.routeRefresh(16_388, 71), {
    expect: isAccepted,
    tags: ['rfc2918-4-not-negotiated-over-tcp'],
  }),
  ...[3, 255].map((subtype) =>
    refresh(`a ROUTE-REFRESH of subtype ${subtype}`, b.routeRefresh(1, 1, subtype), {
      expect: isAccepted,
      tags: ['rfc7313-5-unknown-subtype-over-tcp'],
    }),
  ),
  refresh(
    'a ROUTE-REFRESH with an outbound filter that nobody offered',
    b.routeRefresh(1, 1, 0, '0180000a00000000010a20201800'),
    {
      expect: stays,
    },
  ),
  refresh('a ROUTE-REFRESH with an outbound filter longer than the message', b.routeRefresh(1, 1, 0, '0180ffff00'), {
    expect: stays,
  }),
  refresh('a BoRR that no EoRR follows', b.routeRefresh(1, 1, 1), { expect: isAccepted }),
]

export const openCases: readonly Case[] = [
  ...versions,
  ...asNumbers,
  ...identifiers,
  ...holdTimes,
  ...lengths,
  ...unknownCapabilities,
  ...malformedCapabilities,
  ...texts,
  ...misplaced,
]

export const otherCases: readonly Case[] = [...notifications, ...shutdownTexts, crossing, ...refreshes]
