import type { Clause } from '../clause.ts'

/** What protects TCP connections, and how the router of a link without addresses is found. */
export const clauses: readonly Clause[] = [
  {
    id: 'rfc2385-2.0-signed-segments',
    level: 'MUST',
    text: 'Signs every segment of a connection whose peer has a TCP MD5 key, from the SYN on, whoever opens it.',
  },
  {
    id: 'rfc2385-2.0-silent-drop',
    level: 'MUST',
    text: 'Drops a segment whose signature is missing or not made with its key.',
  },
  {
    id: 'rfc2385-2.0-no-response',
    level: 'MUST NOT',
    text: 'Answers a segment with a wrong signature with nothing, not even a reset.',
  },
  {
    id: 'rfc4861-4.1-source-link-layer',
    level: 'SHOULD',
    text: 'Names its link-layer address in router solicitations.',
  },
  {
    id: 'rfc4861-4.2-link-local-source',
    level: 'MUST',
    text: 'Sends router advertisements from the link-local address of the device.',
  },
  { id: 'rfc4861-4.2-hop-limit', level: 'MUST', text: 'Sends router advertisements with hop limit 255.' },
  {
    id: 'rfc4861-6.1.2-hop-limit',
    level: 'MUST',
    text: 'Discards a router advertisement that came with another hop limit than 255.',
  },
  {
    id: 'rfc4861-6.1.2-link-local-source',
    level: 'MUST',
    text: 'Discards a router advertisement whose source is not a link-local address.',
  },
  {
    id: 'rfc4861-6.1.2-valid-advertisement',
    level: 'MUST',
    text: 'Discards a router advertisement with a code other than 0, too few octets, or an option of length 0.',
  },
  {
    id: 'rfc4861-6.1.2-unknown-options',
    level: 'MUST',
    text: 'Ignores options of a router advertisement that it does not know.',
  },
  {
    id: 'rfc4861-6.2.1-lifetime',
    level: 'MUST',
    text: 'Advertises a router lifetime of 0 (or one within the bounds), so that no host takes it for a default router.',
  },
  {
    id: 'rfc4861-6.2.6-rate',
    level: 'MUST',
    text: 'Sends no two router advertisements to all nodes within 3 seconds.',
  },
  {
    id: 'rfc4861-6.3.7-solicitations',
    level: 'SHOULD',
    text: 'Solicits routers three times, 4 seconds apart, as long as none is known (and then seldom, for one that comes later).',
  },
  {
    id: 'rfc5082-3-off-by-default',
    level: 'SHOULD NOT',
    text: 'Demands no TTL of a peer for which GTSM is not configured.',
  },
  {
    id: 'rfc5082-3-send-255',
    level: 'MUST',
    text: 'Sends every packet of a session with GTSM with TTL 255, the SYN too.',
  },
  {
    id: 'rfc5082-3-trusted-not-dropped',
    level: 'MUST NOT',
    text: 'Does not drop packets of a session with GTSM whose TTL is within the range that is expected of it.',
  },
  {
    id: 'rfc5082-3-unknown-not-dropped',
    level: 'MUST NOT',
    text: 'Does not drop packets of others because of GTSM.',
  },
  {
    id: 'rfc5082-3-discard',
    level: 'MAY',
    text: 'Drops packets of a session with GTSM whose TTL is too low, in the kernel and from the SYN on.',
  },
  {
    id: 'rfc5925-3.1-ids-do-not-overlap',
    level: 'MUST NOT',
    text: 'Takes no two TCP-AO keys with the same ID for one connection.',
  },
  { id: 'rfc5925-3.1-any-id', level: 'MUST', text: 'Takes every ID of a TCP-AO key from 0 to 255.' },
  {
    id: 'rfc5926-2.2-both-algorithms',
    level: 'MUST',
    text: 'Asks the kernel for HMAC-SHA-1-96 and AES-128-CMAC-96, each with a MAC of 96 bits.',
  },
]
