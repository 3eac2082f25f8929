import { hostPrefix, ipv4, ipv6 } from '@holdfast/ip'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { SessionReset } from './fault.ts'
import { sessionReset } from './fault.ts'
import type { Message } from './messages.ts'
import type { CeaseReason, PeerConfig, PeerInput, PeerOutput, Role, TimerName } from './peer.ts'
import type { Route } from './routes.ts'
import type { Connection } from './session.ts'
import { timersOf } from './session.ts'
import type { Peer } from './step.ts'
import { createPeer, step } from './step.ts'
import {
  configOf,
  connected,
  disconnected,
  emptyUpdate,
  fourOctet,
  keepalive,
  local,
  notificationOf,
  openOf,
  received,
  remote,
  render,
  timer,
  unicast,
} from './testing/peers.ts'

const roles: readonly Role[] = ['active', 'passive']
const timers: readonly TimerName[] = ['connectRetry', 'hold', 'keepalive', 'delayOpen', 'idleHold', 'refresh']

const roleArbitrary = fc.constantFrom(...roles)

const messageArbitrary: fc.Arbitrary<Message> = fc.oneof(
  { weight: 16, arbitrary: fc.constant(openOf()) },
  { weight: 16, arbitrary: fc.constant(keepalive) },
  fc.record({ asn: fc.constantFrom(1, 65010, 65020), routerId: fc.constantFrom(0x0a000001, 0xf0000000) }).map(openOf),
  fc.constantFrom(0, 3, 90, 65535).map((holdTimeSeconds) => openOf({ holdTimeSeconds })),
  fc.subarray([unicast(1), unicast(2), unicast(25), fourOctet(65020)]).map((capabilities) => openOf({ capabilities })),
  fc.constant(emptyUpdate),
  fc.tuple(fc.nat(9), fc.nat(11)).map(([code, subcode]) => notificationOf(code, subcode)),
  fc
    .record({ afi: fc.nat(3), subtype: fc.nat(3), safi: fc.nat(2) })
    .map((fields) => ({ kind: 'routeRefresh' as const, ...fields })),
)

const routesArbitrary: fc.Arbitrary<Route[]> = fc.uniqueArray(fc.nat(20), { maxLength: 8 }).map((numbers) =>
  numbers.map((number) => ({
    prefix: hostPrefix(number % 3 === 0 ? ipv6(BigInt(number)) : ipv4(0x0a000000 + number)),
    attributes: {
      origin: 'igp' as const,
      localPref: undefined,
      med: number % 2,
      communities: [],
      largeCommunities: [],
      nextHop: undefined,
    },
  })),
)

const stop = (reason: CeaseReason): PeerInput => ({ kind: 'stop', reason })
const desire = (routes: readonly Route[]): PeerInput => ({ kind: 'desire', routes })
const faulted = (role: Role, fault: SessionReset): PeerInput => ({ kind: 'faulted', role, fault })

const inputArbitrary: fc.Arbitrary<PeerInput> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<PeerInput>({ kind: 'start' }) },
  fc.constantFrom<CeaseReason[]>('administrativeShutdown', 'configurationChange').map(stop),
  { weight: 6, arbitrary: roleArbitrary.map(connected) },
  roleArbitrary.map(disconnected),
  {
    weight: 12,
    arbitrary: fc.tuple(roleArbitrary, messageArbitrary).map(([role, message]) => received(role, message)),
  },
  fc
    .tuple(roleArbitrary, fc.nat(8), fc.nat(11))
    .map(([role, code, subcode]) => faulted(role, sessionReset(code, subcode, 'test'))),
  {
    weight: 4,
    arbitrary: fc.tuple(roleArbitrary, fc.constantFrom(...timers)).map(([role, name]) => timer(role, name)),
  },
  { weight: 3, arbitrary: routesArbitrary.map(desire) },
)

const configArbitrary: fc.Arbitrary<PeerConfig> = fc
  .record({
    remoteAsn: fc.constantFrom(65020, 65020, 'internal' as const, 'external' as const),
    routerId: fc.constantFrom(0x0a000001, 0xf0000001),
    holdTimeSeconds: fc.constantFrom(0, 3, 90),
    isPassive: fc.boolean(),
    delayOpenSeconds: fc.constantFrom(0, 0, 5),
    connectRetrySeconds: fc.constantFrom(1, 120),
    families: fc.constantFrom(['ipv4'] as const, ['ipv6'] as const, ['ipv4', 'ipv6'] as const),
    seed: fc.nat(),
  })
  .map(configOf)

/** A driver as a model: it knows which sockets are open and which timers run, and believes only outputs. */
class World {
  readonly armed = new Set<string>()
  readonly dialing = new Set<Role>()
  readonly open = new Set<Role>()
  peer: Peer
  sessions = 0
  now = 0

  constructor(config: PeerConfig) {
    this.peer = createPeer(config, 0)
  }

  /** Whether a driver could come with this input now. */
  canHappen(input: PeerInput): boolean {
    switch (input.kind) {
      case 'connected':
        if (input.role === 'active') return this.dialing.has('active')
        return !this.open.has('passive') && this.peer.connections.passive.state === 'active'
      case 'disconnected':
        return this.open.has(input.role) || this.dialing.has(input.role)
      case 'received':
      case 'faulted':
        return this.open.has(input.role)
      case 'timer':
        return this.armed.has(`${input.role} ${input.timer}`)
      default:
        return true
    }
  }

  feed(input: PeerInput): void {
    this.#before(input)
    this.now += 500
    const { peer, outputs } = step(this.peer, input, this.now)
    this.peer = peer
    for (const output of outputs) this.#perform(output)
    this.#check()
  }

  #before(input: PeerInput): void {
    if (input.kind === 'timer') this.armed.delete(`${input.role} ${input.timer}`)
    if (input.kind === 'connected') this.open.add(input.role)
    if (input.kind === 'disconnected') this.open.delete(input.role)
    if (input.kind === 'connected' || input.kind === 'disconnected') this.dialing.delete(input.role)
  }

  #perform(output: PeerOutput): void {
    switch (output.kind) {
      case 'dial':
        assert.ok(!this.open.has('active') && !this.dialing.has('active'), 'dials while there is a connection')
        this.dialing.add('active')
        break
      case 'hangUp':
        assert.ok(this.open.delete(output.role) || this.dialing.delete(output.role), 'hangs up nothing')
        break
      case 'established':
        this.sessions += 1
        break
      case 'send':
      case 'codec':
        assert.ok(this.open.has(output.role), `${render(output)} without a connection`)
        break
      case 'arm':
        assert.ok(output.ms > 0 && Number.isFinite(output.ms), render(output))
        this.armed.add(`${output.role} ${output.timer}`)
        break
      case 'disarm':
        assert.ok(this.armed.delete(`${output.role} ${output.timer}`), `${render(output)}, which does not run`)
        break
      default:
        break
    }
  }

  #check(): void {
    const { active, passive } = this.peer.connections
    assert.ok(active.state !== 'established' || passive.state !== 'established', 'two sessions')
    const expected = roles.flatMap((role) =>
      timersOf(this.peer.connections[role], role).map((name) => `${role} ${name}`),
    )
    assert.deepEqual([...this.armed].sort(), expected.sort(), 'the timers of the states and no others')
    for (const role of roles) this.#checkSocket(role, this.peer.connections[role])
  }

  #checkSocket(role: Role, connection: Connection): void {
    const { state } = connection
    const isDelayed = (state === 'connect' || state === 'active') && connection.delayed !== undefined
    const isUp = ['openSent', 'openConfirm', 'established'].includes(state) || isDelayed
    assert.equal(this.open.has(role), isUp, `${role} ${state}: socket`)
    assert.equal(this.dialing.has(role), state === 'connect' && !isDelayed, `${role} ${state}: dial`)
  }
}

test('whatever a driver brings: timers and sockets are those of the states, and there is one session at most', () => {
  let sessions = 0
  fc.assert(
    fc.property(configArbitrary, fc.array(inputArbitrary, { minLength: 60, maxLength: 120 }), (config, inputs) => {
      const world = new World(config)
      world.feed({ kind: 'start' })
      for (const input of inputs) if (world.canHappen(input)) world.feed(input)
      sessions += world.sessions
      world.feed({ kind: 'stop', reason: 'administrativeShutdown' })
      assert.deepEqual([world.armed.size, world.open.size, world.dialing.size], [0, 0, 0], 'a stop leaves nothing')
    }),
    { numRuns: 600 },
  )
  assert.ok(sessions > 100, `only ${sessions} sessions came up in all runs`)
})

test('whatever comes, possible or not, nothing throws', () => {
  fc.assert(
    fc.property(configArbitrary, fc.array(inputArbitrary, { maxLength: 80 }), (config, inputs) => {
      let peer = createPeer(config, 0)
      for (const [index, input] of inputs.entries()) peer = step(peer, input, index).peer
    }),
    { numRuns: 600 },
  )
})

test('a run can be repeated: the same inputs give the same outputs', () => {
  fc.assert(
    fc.property(configArbitrary, fc.array(inputArbitrary, { maxLength: 60 }), (config, inputs) => {
      const run = (): readonly (readonly PeerOutput[])[] => {
        let peer = createPeer(config, 0)
        return inputs.map((input, index) => {
          const next = step(peer, input, index)
          peer = next.peer
          return next.outputs
        })
      }
      assert.deepEqual(run(), run())
    }),
    { numRuns: 100 },
  )
})

test('addresses of both ends stay those of the connection', () => {
  const world = new World(configOf())
  world.feed({ kind: 'start' })
  for (const input of [connected('active'), received('active', openOf())]) world.feed(input)
  const { active } = world.peer.connections
  assert.ok(active.state === 'openConfirm')
  assert.deepEqual([active.negotiated.localAddress, active.negotiated.remoteAddress], [local, remote])
})
