import type { Address } from '@holdfast/ip'
import { addressKey } from '@holdfast/ip'
import type { Clock } from '@holdfast/runtime'
import { isOnLink } from '../sessions/on-link.ts'

/** A node with hundreds of pods has hundreds of interfaces: they are not read again for every pass. */
const rememberedMs = 10_000

/** `isOnLink` that knows its answers for a while. */
export function rememberOnLink(clock: Clock): (address: Address) => boolean {
  const known = new Map<ReturnType<typeof addressKey>, { readonly untilMs: number; readonly answer: boolean }>()
  return (address) => {
    const key = addressKey(address)
    const before = known.get(key)
    if (before !== undefined && clock.now() < before.untilMs) return before.answer
    const answer = isOnLink(address)
    known.set(key, { untilMs: clock.now() + rememberedMs, answer })
    return answer
  }
}
