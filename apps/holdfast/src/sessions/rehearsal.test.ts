import { ipv4 } from '@holdfast/ip'
import type { PeerSnapshot, Transport } from '@holdfast/net'
import { createSimulatedNetwork } from '@holdfast/net'
import type { VirtualClock } from '@holdfast/runtime'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Event } from '../events.ts'
import { rehearseWhenIdle } from './rehearsal.ts'

type Listen = Transport['listen']

interface Stage {
  readonly clock: VirtualClock
  readonly transport: Transport
  /** How often somebody began to listen. */
  readonly listens: () => number
  readonly events: Event[]
  readonly report: (event: Event) => void
}

function createStage(listen?: Listen): Stage {
  const clock = createVirtualClock()
  const transport = createSimulatedNetwork({ clock, seed: 1 }).host(ipv4(0x7f000001))
  const events: Event[] = []
  let listens = 0
  return {
    clock,
    transport: {
      ...transport,
      listen: (at, handler) => {
        listens += 1
        return (listen ?? transport.listen)(at, handler)
      },
    },
    listens: () => listens,
    events,
    report: (event) => void events.push(event),
  }
}

async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 10) {
    for (let turn = 0; turn < 10; turn += 1) await setImmediate()
    clock.advance(10)
  }
}

const established = (establishedCount: number): { readonly snapshot: PeerSnapshot } => ({
  snapshot: { establishedCount } as PeerSnapshot,
})

test('a process whose routers let it wait rehearses, after the first dials', async () => {
  const stage = createStage()
  const { clock, listens } = stage
  const rehearsal = rehearseWhenIdle({ ...stage, sessions: () => [established(0), { snapshot: undefined }] })
  await pass(clock, 90)
  assert.equal(listens(), 0)
  await pass(clock, 3000)
  assert.equal(listens(), 6)
  await rehearsal.stop()
  assert.equal(clock.pending(), 0)
})

test('a process that has a session has no need to', async () => {
  const stage = createStage()
  const { clock, listens } = stage
  const rehearsal = rehearseWhenIdle({ ...stage, sessions: () => [established(0), established(1)] })
  await pass(clock, 1000)
  assert.equal(listens(), 0)
  await rehearsal.stop()
})

test('a process that ends at once does not begin', async () => {
  const stage = createStage()
  const { clock, listens } = stage
  await rehearseWhenIdle({ ...stage, sessions: () => [] }).stop()
  await pass(clock, 1000)
  assert.equal(listens(), 0)
  assert.equal(clock.pending(), 0)
})

test('a defect in it costs nothing else', async () => {
  const stage = createStage(() => Promise.reject(new Error('broken')))
  const rehearsal = rehearseWhenIdle({ ...stage, sessions: () => [] })
  await pass(stage.clock, 200)
  await rehearsal.stop()
  assert.deepEqual(stage.events, [{ event: 'defect', message: 'the rehearsal of a session: broken' }])
})
