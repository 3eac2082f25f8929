import type { Connection, ConnectionFault } from '@holdfast/net'

const HEADER_BYTES = 19
const marker = 'ff'.repeat(16)
const keepalive = Buffer.from(`${marker}001304`, 'hex')

/**
 * RFC 4271 4.2: version 4, the ASN, hold time 9 s, an identifier, capabilities (RFC 5492): IPv4 unicast (RFC 4760), four-octet
 * ASN (RFC 6793).
 */
function open(asn: number, identifier: string): Buffer {
  const as = asn.toString(16).padStart(4, '0')
  return Buffer.from(`${marker}002d0104${as}0009${identifier}10020e0104000100014104${as.padStart(8, '0')}0200`, 'hex')
}

export interface TalkHandler {
  /** The type of a message (RFC 4271 section 4.1). */
  readonly received: (type: number) => void
  readonly closed: (fault: ConnectionFault) => void
}

/** As much of BGP as keeps a session: an OPEN, KEEPALIVEs, and the end of the connection after a NOTIFICATION. */
export function talk(connection: Connection, asn: number, handler: TalkHandler): void {
  let pending = Buffer.alloc(0)
  let beat: NodeJS.Timeout | undefined

  function received(type: number): void {
    handler.received(type)
    if (type === 3) connection.close(1000)
    if (type !== 1) return
    connection.send(keepalive)
    beat ??= setInterval(() => connection.send(keepalive), 1000)
  }

  connection.attach({
    drained: () => undefined,
    received: (bytes) => {
      pending = Buffer.concat([pending, bytes])
      while (pending.length >= HEADER_BYTES && pending.length >= pending.readUInt16BE(16)) {
        const type = pending.readUInt8(18)
        pending = pending.subarray(pending.readUInt16BE(16))
        received(type)
      }
    },
    closed: (fault) => {
      clearInterval(beat)
      handler.closed(fault)
    },
  })
  connection.send(open(asn, '0a00000b'))
}
