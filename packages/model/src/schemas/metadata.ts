import { z } from 'zod'
import { problem } from '../rules.ts'
import type { Reading } from './rule.ts'
import { textAs } from './rule.ts'

/** A name as Kubernetes allows it: RFC 1123's subdomain. */
export function readName(text: string): Reading<string> {
  return /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/.test(text)
    ? { ok: true, value: text }
    : { ok: false, problem: problem('invalid-name', { name: text }) }
}

/** What we read of metadata; the rest of it (ownerReferences, managedFields, …) is not ours to judge. */
export const metadataSchema = z.object({
  name: textAs(readName),
  namespace: z.string().nullish(),
  labels: z.record(z.string(), z.string()).nullish(),
  annotations: z.record(z.string(), z.string()).nullish(),
  uid: z.string().nullish(),
})
