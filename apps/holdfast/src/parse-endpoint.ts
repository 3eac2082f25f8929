import type { Parsed } from '@holdfast/ip'
import { parseAddress } from '@holdfast/ip'
import type { Endpoint } from '@holdfast/net'

/** Reads `192.0.2.1:179` or `[2001:db8::1]:179`. The fault continues the sentence "«text» …". */
export function parseEndpoint(text: string): Parsed<Endpoint> {
  const match = /^(?:\[(?<ipv6>[^\]]*)\]|(?<ipv4>[^:]*)):(?<port>\d{1,5})$/.exec(text)
  if (match === null) return fault('is not ADDRESS:PORT: write 192.0.2.1:179, or [2001:db8::1]:179 for IPv6')
  const address = parseAddress(match.groups?.['ipv6'] ?? match.groups?.['ipv4'] ?? '')
  if (!address.ok) return address
  const port = Number(match.groups?.['port'])
  return port > 65_535 ? fault('has a port above 65535') : { ok: true, value: { address: address.value, port } }
}

const fault = (message: string): { readonly ok: false; readonly fault: { readonly message: string } } => ({
  ok: false,
  fault: { message },
})
