import type { IncomingHttpHeaders } from 'node:http'

/** The texts of an answer's Warning headers: `299 - "text"`, several joined by commas (RFC 7234, section 5.5). */
export function warningsIn(headers: IncomingHttpHeaders): readonly string[] {
  const header = headers.warning
  const text = Array.isArray(header) ? header.join(', ') : (header ?? '')
  const quoted = text.matchAll(/\b299 [^ "]+ "((?:[^"\\]|\\.)*)"/g)
  return [...quoted].map(([, inner = '']) => inner.replace(/\\(.)/g, '$1'))
}
