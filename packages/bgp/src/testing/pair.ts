import type { Message } from '../messages.ts'
import type { PeerInput, PeerOutput, Role, TimerName } from '../peer.ts'
import type { Peer } from '../step.ts'
import { inboundRole, refusal, step } from '../step.ts'
import { local, notificationOf, remote } from './peers.ts'

/** What travels on a connection: the news that it is up, messages, and its end. */
type Segment =
  { readonly kind: 'up' } | { readonly kind: 'message'; readonly message: Message } | { readonly kind: 'end' }

/** One direction of a connection: in order, like TCP, but as late as the choices of the test make it. */
interface Lane {
  readonly wire: Wire
  readonly to: Side
  readonly segments: Segment[]
}

/** A TCP connection. The side that dialed has it as `active`, the other one mostly as `passive`. */
interface Wire {
  readonly dialer: Side
  readonly isOpenAt: Map<Side, boolean>
  acceptedAs: Role
}

/** One of the two speakers with its timers and connections. */
export interface Side {
  readonly name: string
  peer: Peer
  readonly wires: Map<Role, Wire>
  readonly timers: Map<string, { readonly role: Role; readonly timer: TimerName; readonly at: number }>
  readonly outputs: PeerOutput[]
}

/** Two peers joined by connections whose segments arrive in an order that `choose` decides. */
export class Pair {
  readonly sides: readonly [Side, Side]
  readonly #choose: (count: number) => number
  #lanes: Lane[] = []
  #starts: Side[] = []
  now = 0

  constructor(peers: readonly [Peer, Peer], choose: (count: number) => number) {
    const side = (name: string, peer: Peer): Side => ({ name, peer, wires: new Map(), timers: new Map(), outputs: [] })
    this.sides = [side('a', peers[0]), side('b', peers[1])]
    this.#choose = choose
    this.#starts = [...this.sides]
  }

  /** Starts both before anything else happens. */
  start(): void {
    for (const side of this.#starts.splice(0)) this.input(side, { kind: 'start' })
  }

  /** Lets one thing happen that can; false: everything waits for time to pass. */
  advance(): boolean {
    const ready = this.#lanes.filter(({ segments }) => segments.length > 0)
    const chosen = this.#choose(ready.length + this.#starts.length)
    const lane = ready[chosen]
    if (lane !== undefined) {
      this.#deliver(lane)
      return true
    }
    const [starting] = this.#starts.splice(chosen - ready.length, 1)
    if (starting !== undefined) this.input(starting, { kind: 'start' })
    return starting !== undefined
  }

  /** Lets the timer ring that is due next. */
  ring(): void {
    const due = this.sides
      .flatMap((side) => [...side.timers].map(([key, entry]) => ({ side, key, ...entry })))
      .sort((a, b) => a.at - b.at)[0]
    if (due === undefined) throw new Error('nothing would ever happen again')
    due.side.timers.delete(due.key)
    this.now = due.at
    this.input(due.side, { kind: 'timer', role: due.role, timer: due.timer })
  }

  /** A side loses its power and starts again as another peer: what it had open is forgotten, and nobody is told. */
  restart(side: Side, peer: Peer): void {
    for (const wire of side.wires.values()) wire.isOpenAt.set(side, false)
    this.#lanes = this.#lanes.filter(({ to, wire }) => to !== side && wire.isOpenAt.get(side) !== false)
    side.wires.clear()
    side.timers.clear()
    side.peer = peer
    this.input(side, { kind: 'start' })
  }

  input(side: Side, input: PeerInput): void {
    const { peer, outputs } = step(side.peer, input, this.now)
    side.peer = peer
    side.outputs.push(...outputs)
    for (const output of outputs) this.#perform(side, output)
  }

  #other(side: Side): Side {
    return side === this.sides[0] ? this.sides[1] : this.sides[0]
  }

  #perform(side: Side, output: PeerOutput): void {
    switch (output.kind) {
      case 'dial':
        this.#dial(side)
        break
      case 'hangUp':
        this.#close(side, output.role)
        break
      case 'send':
        this.#lane(side, output.role).push({ kind: 'message', message: output.message })
        break
      case 'arm':
        side.timers.set(`${output.role} ${output.timer}`, { ...output, at: this.now + output.ms })
        break
      case 'disarm':
        side.timers.delete(`${output.role} ${output.timer}`)
        break
      default:
        break
    }
  }

  #dial(side: Side): void {
    const other = this.#other(side)
    const wire: Wire = {
      dialer: side,
      acceptedAs: 'passive',
      isOpenAt: new Map([
        [side, true],
        [other, true],
      ]),
    }
    side.wires.set('active', wire)
    this.#lanes.push({ wire, to: side, segments: [{ kind: 'up' }] }, { wire, to: other, segments: [{ kind: 'up' }] })
  }

  #lane(from: Side, role: Role): Segment[] {
    const wire = from.wires.get(role)
    if (wire === undefined) throw new Error(`${from.name} sends on a ${role} connection that it does not have`)
    // A side that restarted takes nothing on its old connections.
    return this.#lanes.find((each) => each.wire === wire && each.to !== from)?.segments ?? []
  }

  #close(side: Side, role: Role): void {
    this.#lane(side, role).push({ kind: 'end' })
    side.wires.get(role)?.isOpenAt.set(side, false)
    side.wires.delete(role)
  }

  #deliver({ wire, to, segments }: Lane): void {
    const segment = segments.shift()
    if (segment === undefined || wire.isOpenAt.get(to) === false) return
    const role = wire.dialer === to ? 'active' : wire.acceptedAs
    switch (segment.kind) {
      case 'up':
        this.#up(to, wire)
        break
      case 'message':
        this.input(to, { kind: 'received', role, message: segment.message })
        break
      case 'end':
        wire.isOpenAt.set(to, false)
        to.wires.delete(role)
        this.input(to, { kind: 'disconnected', role, code: 'EOF', message: 'closed by the peer' })
        break
    }
  }

  #up(to: Side, wire: Wire): void {
    if (wire.dialer === to) {
      this.input(to, { kind: 'connected', role: 'active', local, remote })
      return
    }
    const role = inboundRole(to.peer)
    if (to.wires.has(role) || refusal(to.peer) !== undefined) {
      wire.isOpenAt.set(to, false)
      const back = this.#lanes.find((lane) => lane.wire === wire && lane.to !== to)
      back?.segments.push({ kind: 'message', message: notificationOf(6, 5) }, { kind: 'end' })
      return
    }
    wire.acceptedAs = role
    to.wires.set(role, wire)
    this.input(to, { kind: 'connected', role, local: remote, remote: local })
  }
}

/** The role of the connection on which a side has its session, if it has one. */
export const sessionRole = ({ peer }: Side): Role | undefined => {
  const { active, passive } = peer.connections
  if (active.state === 'established' && passive.state === 'established') throw new Error('two sessions at once')
  return active.state === 'established' ? 'active' : passive.state === 'established' ? 'passive' : undefined
}

/** Not for anything but choosing in tests: a sequence that a seed repeats. */
export function chooser(seed: number): (count: number) => number {
  let state = BigInt(seed) + 1n
  return (count) => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn
    return count === 0 ? 0 : Number((state >> 33n) % BigInt(count))
  }
}
