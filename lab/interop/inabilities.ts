import assert from 'node:assert/strict'
import { run } from '../harness/command.ts'
import { eventually, throughout } from '../harness/eventually.ts'
import { holdTimeSeconds } from './plan.ts'
import type { Inability, SessionView } from './router.ts'

/** The router's OPEN does not have a capability. */
export const lacksCapability = (code: number, reason: string): Inability => ({
  reason,
  verify: async ({ offers }) => {
    const codes = await offers()
    assert.ok(codes.size > 0, 'the router sent no OPEN')
    assert.ok(!codes.has(code), `its OPEN has capability ${code}`)
  },
})

/** Nobody in the router's namespace listens for BFD, and the session is there without it. */
export const hasNoBfd: Inability = {
  reason: 'has no BFD: nothing listens on UDP port 3784',
  verify: async ({ site, router, session }) => {
    const sockets = await run('ip', 'netns', 'exec', site.router, 'ss', '-Huln', 'sport', '=', ':3784')
    assert.equal(sockets, '')
    assert.ok((await router.session(session)).isEstablished)
  },
}

/** It goes on with a session over which packets have come with a lower TTL for longer than the hold time. */
export const takesAnyTtl = (reason: string): Inability => ({
  reason,
  verify: async ({ site, router, session }) => {
    const read = (): Promise<SessionView> => router.session(session)
    const isUp = ({ isEstablished }: SessionView): void => assert.ok(isEstablished, 'it gave the session up')
    await eventually('the session is up', read, isUp)
    await throughout('the session stays', read, isUp, { timeoutMs: holdTimeSeconds * 1200 - site.lowTtlsForMs })
  },
})
