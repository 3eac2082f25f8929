import { hostPrefix, ipv4, ipv6 } from '@holdfast/ip'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { SessionReset } from './fault.ts'
import { sessionReset } from './fault.ts'
import type { Capability, Message } from './messages.ts'
import type { PeerConfig, PeerInput, PeerOutput, Role, StopReason, TimerName } from './peer.ts'
import type { Route } from './routes.ts'
import type { Connection } from './session.ts'
import { timersOf } from './session.ts'
import type { Peer } from './step.ts'
import { createPeer, inboundRole, refusal, routeCounts, step } from './step.ts'
import {
  attributesOf,
  configOf,
  connected,
  disconnected,
  emptyUpdate,
  fourOctet,
  gracefulRestart,
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
import { announcing, attributes, withdrawing } from './testing/vectors.ts'

const roles: readonly Role[] = ['active', 'passive']
const timers: readonly TimerName[] = [
  ...(['connectRetry', 'hold', 'keepalive', 'delayOpen', 'idleHold', 'refresh', 'sendHold'] as const),
]

const roleArbitrary = fc.constantFrom(...roles)

/** The OPEN of a router that can restart gracefully, mostly with the N bit. */
const restartingOpen = (hasNotification: boolean, routerId = 0x0a000002): Message => {
  const open = openOf({ routerId })
  return { ...open, capabilities: [...open.capabilities, gracefulRestart({ hasNotification })] }
}

const capabilityArbitrary = fc.subarray<Capability>([
  ...[unicast(1), unicast(2), unicast(25), fourOctet(65020)],
  ...([{ kind: 'routeRefresh' }, { kind: 'enhancedRouteRefresh' }, { kind: 'extendedMessage' }] as const),
  ...([{ kind: 'role', value: 0 }, gracefulRestart({ families: [] })] as const),
  { kind: 'addPath', families: [{ afi: 1, safi: 1, direction: 'both' }] },
])

const prefixes = ['10.0.0.0/8', '10.1.0.0/16', '2001:db8::/32']

const messageArbitrary: fc.Arbitrary<Message> = fc.oneof(
  { weight: 12, arbitrary: fc.constant(openOf()) },
  { weight: 12, arbitrary: fc.constantFrom(restartingOpen(true), restartingOpen(false), restartingOpen(true, 5)) },
  { weight: 20, arbitrary: fc.constant(keepalive) },
  fc.record({ asn: fc.constantFrom(1, 65010, 65020), routerId: fc.constantFrom(0x0a000001, 0xf0000000) }).map(openOf),
  fc.constantFrom(0, 3, 90, 65535).map((holdTimeSeconds) => openOf({ holdTimeSeconds })),
  capabilityArbitrary.map((capabilities) => openOf({ capabilities })),
  fc.constant(emptyUpdate),
  fc.subarray(prefixes, { minLength: 1 }).map((some) => announcing(attributes(), '192.0.2.2', ...some)),
  fc.subarray(prefixes, { minLength: 1 }).map((some) => withdrawing(...some)),
  fc
    .tuple(fc.nat(9), fc.nat(11), fc.uint8Array({ maxLength: 8 }))
    .map(([code, subcode, data]) => notificationOf(code, subcode, Uint8Array.from(data))),
  fc
    .record({ afi: fc.nat(3), subtype: fc.nat(3), safi: fc.nat(2) })
    .map((fields) => ({ kind: 'routeRefresh' as const, ...fields })),
)

const routesArbitrary: fc.Arbitrary<Route[]> = fc.uniqueArray(fc.nat(20), { maxLength: 8 }).map((numbers) =>
  numbers.map((number) => ({
    prefix: hostPrefix(number % 3 === 0 ? ipv6(BigInt(number)) : ipv4(0x0a000000 + number)),
    attributes: attributesOf({ med: number % 2 }),
  })),
)

const stop = (reason: StopReason): PeerInput => ({ kind: 'stop', reason, communication: 'maintenance' })
const desire = (routes: readonly Route[]): PeerInput => ({ kind: 'desire', routes })
const faulted = (role: Role, fault: SessionReset): PeerInput => ({ kind: 'faulted', role, fault })

const inputArbitrary: fc.Arbitrary<PeerInput> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<PeerInput>({ kind: 'start' }) },
  fc
    .constantFrom<StopReason[]>(
      ...(['administrativeShutdown', 'peerDeconfigured', 'administrativeReset'] as const),
      ...(['configurationChange', 'restart'] as const),
    )
    .map(stop),
  fc.constant<PeerInput>({ kind: 'bfdDown', message: 'no packets' }),
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

/** Single inputs, and now and then all that a session needs: the role where a connection of the peer's would go. */
const inputsArbitrary: fc.Arbitrary<readonly PeerInput[]> = fc
  .array(
    fc.oneof(
      { weight: 12, arbitrary: inputArbitrary.map((input) => [input]) },
      fc
        .tuple(roleArbitrary, fc.constantFrom(restartingOpen(true), restartingOpen(false), openOf()))
        .map(([role, open]) => [connected(role), received(role, open), received(role, keepalive)]),
    ),
    { minLength: 50, maxLength: 100 },
  )
  .map((scripts) => scripts.flat())

const configArbitrary: fc.Arbitrary<PeerConfig> = fc
  .record({
    remoteAsn: fc.constantFrom(65020, 65020, 'internal' as const, 'external' as const),
    routerId: fc.constantFrom(0x0a000001, 0xf0000001),
    holdTimeSeconds: fc.constantFrom(0, 3, 90),
    isPassive: fc.boolean(),
    delayOpenSeconds: fc.constantFrom(0, 0, 5),
    connectRetrySeconds: fc.constantFrom(1, 120),
    families: fc.constantFrom(['ipv4'] as const, ['ipv6'] as const, ['ipv4', 'ipv6'] as const),
    gracefulRestart: fc.constantFrom(
      undefined,
      ...[true, false].map((hasNotification) => ({ restartTimeSeconds: 120, hasNotification })),
    ),
    prefixLimit: fc.constantFrom(undefined, 0, 2),
    role: fc.constantFrom(undefined, 'customer' as const),
    hasAddPath: fc.boolean(),
    globalAsn: fc.constantFrom(undefined, 64512),
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
  replaced = 0
  isUp = false
  now = 0

  constructor(config: PeerConfig) {
    this.peer = createPeer(config, 0, { isRestarting: config.seed % 2 === 0 })
  }

  /** Whether a driver could come with this input now. */
  canHappen(input: PeerInput): boolean {
    switch (input.kind) {
      case 'connected':
        if (this.dialing.has('active') && input.role === 'active') return true
        return refusal(this.peer) === undefined && inboundRole(this.peer) === input.role
      case 'disconnected':
        return this.open.has(input.role) || this.dialing.has(input.role)
      case 'received':
      case 'faulted':
        return this.open.has(input.role)
      case 'timer':
        // The driver's own, as long as there is a session.
        if (input.timer === 'sendHold') return this.peer.connections[input.role].state === 'established'
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
    if (input.kind === 'connected') {
      assert.ok(!this.open.has(input.role), 'a second connection in one place')
      this.open.add(input.role)
    }
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
        assert.equal(this.isUp, false, 'a session while there is one')
        this.isUp = true
        this.sessions += 1
        break
      case 'lost':
        assert.equal(this.isUp, true, 'lost what was not there')
        this.isUp = false
        if (output.reason.code === 'sessionReplaced') this.replaced += 1
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
    assert.equal(this.isUp, active.state === 'established' || passive.state === 'established')
    const { prefixLimit } = this.peer.config
    assert.ok((routeCounts(this.peer).receivedPrefixes ?? 0) <= (prefixLimit ?? 0))
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
  let [sessions, replaced] = [0, 0]
  fc.assert(
    fc.property(configArbitrary, inputsArbitrary, (config, inputs) => {
      const world = new World(config)
      world.feed({ kind: 'start' })
      for (const input of inputs) if (world.canHappen(input)) world.feed(input)
      sessions += world.sessions
      replaced += world.replaced
      world.feed({ kind: 'stop', reason: 'administrativeShutdown' })
      assert.deepEqual([world.armed.size, world.open.size, world.dialing.size], [0, 0, 0], 'a stop leaves nothing')
    }),
    { numRuns: 600 },
  )
  assert.ok(sessions > 100, `only ${sessions} sessions came up in all runs`)
  assert.ok(replaced > 5, `only ${replaced} of them were replaced by a new connection`)
})

test('whatever comes, possible or not, nothing throws', () => {
  fc.assert(
    fc.property(configArbitrary, inputsArbitrary, (config, inputs) => {
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
