import { stateNumbers } from './iana.ts'
import type { ControlPacket, Decoded, DropCause } from './packet.ts'

/**
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-----+---------+---+-+-+-+-+-+-+---------------+---------------+
 *     |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
 *     +-----+---------+---+-+-+-+-+-+-+---------------+---------------+
 *     |  My Discriminator                                             | 4
 *     |  Your Discriminator                                           | 8
 *     |  Desired Min TX Interval                                      | 12
 *     |  Required Min RX Interval                                     | 16
 *     |  Required Min Echo RX Interval                                | 20
 *     +---------------------------------------------------------------+
 */
const mandatoryLength = 24

/** With the type and the length of an authentication section (RFC 5880 section 6.8.6). */
const shortestAuthenticatedLength = 26

const protocolVersion = 1

const flags = {
  poll: 0x20,
  final: 0x10,
  controlPlaneIndependent: 0x08,
  authentication: 0x04,
  demand: 0x02,
  multipoint: 0x01,
}

/** Reads the payload of one UDP datagram: the rules of RFC 5880 section 6.8.6 that need no session, in its order. */
export function decodeControlPacket(bytes: Uint8Array): Decoded {
  if (bytes.length < mandatoryLength) return { kind: 'refused', cause: 'tooShort' }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const cause = headerFault(view)
  return cause === undefined ? { kind: 'packet', packet: read(view) } : { kind: 'refused', cause }
}

function headerFault(view: DataView): DropCause | undefined {
  const length = view.getUint8(3)
  const bits = view.getUint8(1)
  if (view.getUint8(0) >> 5 !== protocolVersion) return 'version'
  if (length < ((bits & flags.authentication) === 0 ? mandatoryLength : shortestAuthenticatedLength))
    return 'lengthTooSmall'
  if (length > view.byteLength) return 'lengthBeyondPayload'
  if (view.getUint8(2) === 0) return 'detectMultiplierZero'
  if ((bits & flags.multipoint) !== 0) return 'multipoint'
  return view.getUint32(4) === 0 ? 'myDiscriminatorZero' : undefined
}

function read(view: DataView): ControlPacket {
  const bits = view.getUint8(1)
  return {
    diagnostic: view.getUint8(0) & 0x1f,
    // Two bits have four values, and the list has as many; the default is never taken.
    state: stateNumbers[bits >> 6] ?? 'down',
    isPoll: (bits & flags.poll) !== 0,
    isFinal: (bits & flags.final) !== 0,
    isControlPlaneIndependent: (bits & flags.controlPlaneIndependent) !== 0,
    isAuthenticated: (bits & flags.authentication) !== 0,
    isDemand: (bits & flags.demand) !== 0,
    detectMultiplier: view.getUint8(2),
    myDiscriminator: view.getUint32(4),
    yourDiscriminator: view.getUint32(8),
    desiredMinTxUs: view.getUint32(12),
    requiredMinRxUs: view.getUint32(16),
    requiredMinEchoRxUs: view.getUint32(20),
  }
}

/** Writes a packet without an authentication section. */
export function encodeControlPacket(packet: Omit<ControlPacket, 'isAuthenticated'>): Uint8Array {
  const bytes = new Uint8Array(mandatoryLength)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, (protocolVersion << 5) | packet.diagnostic)
  view.setUint8(1, (stateNumbers.indexOf(packet.state) << 6) | flagBits(packet))
  view.setUint8(2, packet.detectMultiplier)
  view.setUint8(3, mandatoryLength)
  view.setUint32(4, packet.myDiscriminator)
  view.setUint32(8, packet.yourDiscriminator)
  view.setUint32(12, packet.desiredMinTxUs)
  view.setUint32(16, packet.requiredMinRxUs)
  view.setUint32(20, packet.requiredMinEchoRxUs)
  return bytes
}

const flagBits = (packet: Omit<ControlPacket, 'isAuthenticated'>): number =>
  (packet.isPoll ? flags.poll : 0) |
  (packet.isFinal ? flags.final : 0) |
  (packet.isControlPlaneIndependent ? flags.controlPlaneIndependent : 0) |
  (packet.isDemand ? flags.demand : 0)
