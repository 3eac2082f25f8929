import { z } from 'zod'

/**
 * holdfast.dev/v1alpha1 AddressBlock, spec, as far as the API server checks it. What the texts say is for the package ipam to read
 * (`decodeBlock`): lists of objects in their place, with rules about them, made a write more than twice as dear (docs/adr/0009).
 */
export const addressBlockSpec = z.object({
  cidr: z.string(),
  inUse: z.int(),
  addresses: z.record(z.string(), z.string()).default({}),
  released: z.record(z.string(), z.string()).default({}),
  reserved: z.record(z.string(), z.string()).optional(),
})
