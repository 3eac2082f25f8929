import { z } from 'zod'

const holder = z.object({
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  terms: z.string().exactOptional(),
})

/**
 * holdfast.dev/v1alpha1 AddressBlock, spec. It was checked when it was written: by the schema and the rules of its CRD. What its
 * addresses mean is for the package ipam to read.
 */
export const addressBlockSpec = z.object({
  cidr: z.string(),
  inUse: z.int(),
  addresses: z.array(z.object({ address: z.string(), pool: z.string(), holders: z.array(holder) })).default([]),
  released: z.array(z.object({ address: z.string(), service: z.string(), time: z.string() })).default([]),
})
