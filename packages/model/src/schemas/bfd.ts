import { z } from 'zod'

const interval = z.int().min(10).max(60_000).optional()

/** metallb.io/v1beta1 BFDProfile, spec. Intervals in milliseconds. */
export const bfdSpec = z.strictObject({
  receiveInterval: interval,
  transmitInterval: interval,
  echoInterval: interval,
  detectMultiplier: z.int().min(2).max(255).optional(),
  echoMode: z.boolean().optional(),
  passiveMode: z.boolean().optional(),
  minimumTtl: z.int().min(1).max(254).optional(),
})
