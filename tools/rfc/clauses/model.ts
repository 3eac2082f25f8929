import type { Clause } from '../clause.ts'

/** What a configuration may ask for. */
export const clauses: readonly Clause[] = [
  {
    id: 'rfc4271-4.2-hold-time-configured',
    level: 'MUST',
    text: 'Proposes no other hold time than 0 or at least 3 seconds: another one is refused when the configuration is read.',
  },
  {
    id: 'rfc2385-4.5-key-of-80-octets',
    level: 'SHOULD',
    text: 'Takes TCP MD5 keys of up to 80 octets.',
  },
]
