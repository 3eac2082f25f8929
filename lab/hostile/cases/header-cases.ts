// Rows H1 to H6: what a message header can lie about. The rows H7 to H10 are about streams and connections.
import { closed, reset, type Case, type Stage } from '../case.ts'
import * as b from '../bytes.ts'
import { openOf } from '../scene.ts'

const stages: readonly Stage[] = ['openSent', 'established']

const inState = (stage: Stage): string => (stage === 'openSent' ? 'before OPEN' : 'in Established')

/** A header alone, with whatever body it promises left out. */
const header = (length: number, type: number, marker = b.marker): string => marker + b.u16(length) + b.u8(type)

const markers: readonly Case[] = stages.flatMap((stage) =>
  [0, 7, 15].map((at): Case => {
    const bent = `${'ff'.repeat(at)}00${'ff'.repeat(15 - at)}`
    return {
      row: 'H1',
      title: `a marker whose octet ${at} is zero, ${inState(stage)}`,
      tags: ['rfc4271-6.1-marker-over-tcp'],
      stage,
      input: () => header(19, 4, bent),
      expect: reset(1, 1, ''),
    }
  }),
)

const lengths: readonly Case[] = stages.flatMap((stage) =>
  [0, 1, 18].map((length): Case => ({
    row: 'H2',
    title: `a Length of ${length}, ${inState(stage)}`,
    tags: ['rfc4271-6.1-length-over-tcp'],
    stage,
    input: () => header(length, 4),
    expect: reset(1, 2, b.u16(length)),
  })),
)

const tooLong: readonly Case[] = [
  {
    row: 'H3',
    title: 'an UPDATE of 4,097 octets where extended messages were not offered, by its header alone',
    tags: ['rfc8654-4-not-advertised-over-tcp'],
    stage: 'established',
    peer: 'plain',
    scenes: ({ isDialled }) => !isDialled,
    input: () => header(4097, 2),
    expect: reset(1, 2, '1001'),
  },
  ...stages.map((stage): Case => ({
    row: 'H3',
    title: `an OPEN of 65,535 octets by its header alone, ${inState(stage)}`,
    tags: ['rfc8654-4-open-keepalive-length-over-tcp'],
    stage,
    open: (slot) => openOf(slot, { extra: b.capabilities.extendedMessage }),
    input: () => header(65_535, 1),
    expect: reset(1, 2, 'ffff'),
  })),
  {
    row: 'H3',
    title: 'an UPDATE of 65,535 octets in place of the OPEN, by its header alone',
    tags: ['rfc4271-6.1-length-over-tcp'],
    stage: 'openSent',
    input: () => header(65_535, 2),
    expect: reset(1, 2, 'ffff'),
  },
  {
    row: 'H3',
    title: 'a KEEPALIVE of 65,535 octets, with extended messages',
    tags: ['rfc8654-4-open-keepalive-length-over-tcp'],
    stage: 'established',
    open: (slot) => openOf(slot, { extra: b.capabilities.extendedMessage }),
    input: () => header(65_535, 4),
    expect: reset(1, 2, 'ffff'),
  },
]

const types: readonly Case[] = stages.flatMap((stage) =>
  [0, 6, 255].map((type): Case => ({
    row: 'H4',
    title: `message type ${type}, ${inState(stage)}`,
    tags: ['rfc4271-6.1-type-over-tcp'],
    stage,
    input: () => header(19, type),
    expect: reset(1, 3, b.u8(type)),
  })),
)

const keepalives: readonly Case[] = stages.flatMap((stage) =>
  [20, 4096].map((length): Case => ({
    row: 'H5',
    title: `a KEEPALIVE of ${length} octets, ${inState(stage)}`,
    tags: ['rfc4271-6.1-length-over-tcp'],
    stage,
    input: () => b.message(4, '00'.repeat(length - 19)),
    expect: reset(1, 2, b.u16(length)),
  })),
)

const tooShort: readonly Case[] = [
  ...stages.map((stage): Case => ({
    row: 'H6',
    title: `an OPEN of 28 octets, ${inState(stage)}`,
    tags: ['rfc4271-6.1-length-over-tcp'],
    stage,
    input: () => b.message(1, '00'.repeat(9)),
    expect: reset(1, 2, '001c'),
  })),
  ...stages.map((stage): Case => ({
    row: 'H6',
    title: `an UPDATE of 22 octets, ${inState(stage)}`,
    tags: ['rfc4271-6.1-length-over-tcp'],
    stage,
    input: () => b.message(2, '000000'),
    expect: reset(1, 2, '0016'),
  })),
  ...stages.map((stage): Case => ({
    row: 'H6',
    title: `a NOTIFICATION of 20 octets, ${inState(stage)}`,
    tags: ['rfc4271-6.4-notification-error-over-tcp'],
    stage,
    input: () => b.message(3, '06'),
    expect: closed,
  })),
]

export const headerCases: readonly Case[] = [...markers, ...lengths, ...tooLong, ...types, ...keepalives, ...tooShort]
