// Asks a router for its OPEN and prints the codes of the capabilities in it as a JSON array (RFC 5492).
// Usage: open-probe.ts LOCAL REMOTE ASN IDENTIFIER FAMILY
import { createConnection } from 'node:net'

const [localAddress = '', host = '', asn = '', identifier = '', family = ''] = process.argv.slice(2)
const uint16 = (value: number): number[] => [value >>> 8, value & 255]
const uint32 = (value: number): number[] => [...uint16(value >>> 16), ...uint16(value & 0xffff)]

// RFC 4271 section 4.2 with two capabilities: one address family (RFC 4760), four-octet AS numbers (RFC 6793).
const capabilities = [1, 4, 0, family === 'ipv4' ? 1 : 2, 0, 1, 65, 4, ...uint32(Number(asn))]
const parameters = [2, capabilities.length, ...capabilities]
const asTrans = 23456
const body = [
  4,
  ...uint16(asTrans),
  ...uint16(9),
  ...identifier.split('.').map(Number),
  parameters.length,
  ...parameters,
]
const open = Buffer.from([...Array<number>(16).fill(255), ...uint16(19 + body.length), 1, ...body])

const connection = createConnection({ localAddress, host, port: 179 }, () => connection.write(open))
let received = Buffer.alloc(0)
connection.on('data', (bytes) => {
  received = Buffer.concat([received, bytes])
  if (received.length < 19 || received.length < received.readUInt16BE(16)) return
  process.stdout.write(`${JSON.stringify(codesOf(received.subarray(29, received.readUInt16BE(16))))}\n`)
  connection.destroy()
})

/** Of optional parameters, each a type, a length and for type 2 capabilities of the same shape. */
function codesOf(optional: Buffer): readonly number[] {
  const codes: number[] = []
  for (let at = 0; at + 1 < optional.length; at += 2 + (optional[at + 1] ?? 0)) {
    if (optional[at] !== 2) continue
    const end = at + 2 + (optional[at + 1] ?? 0)
    for (let inner = at + 2; inner + 1 < end; inner += 2 + (optional[inner + 1] ?? 0)) codes.push(optional[inner] ?? 0)
  }
  return codes
}
