import type { Alarm, Clock } from '@holdfast/runtime'
import { decodeControlPacket, encodeControlPacket } from '../codec.ts'
import type { ControlPacket } from '../packet.ts'
import type { ChangeReason, Session, SessionInput, SessionOutput, TimerName } from '../session.ts'
import { createSession, step } from '../step.ts'
import type { BfdConfig, BfdState } from '../types.ts'
import { config } from './harness.ts'

/** What a path does to each packet; `undefined` loses it. */
export type Path = (bytes: Uint8Array) => { readonly delayMs: number; readonly bytes: Uint8Array } | undefined

export interface Change {
  readonly atMs: number
  readonly from: BfdState
  readonly to: BfdState
  readonly reason: ChangeReason
}

/** One end of a simulated session: performs what the machine asks for, on a virtual clock. */
export class End {
  session: Session
  readonly changes: Change[] = []
  readonly sent: { readonly atMs: number; readonly packet: ControlPacket }[] = []
  hasEnded = false
  readonly #clock: Clock
  readonly #alarms = new Map<TimerName, Alarm>()
  #transmit: (bytes: Uint8Array) => void = () => undefined

  constructor(
    clock: Clock,
    change: Partial<BfdConfig>,
    draws: { readonly discriminator: number; readonly seed: number },
  ) {
    this.#clock = clock
    this.session = createSession({ ...config, ...change }, draws, clock.now())
  }

  static connect(one: End, other: End, clock: Clock, path: Path): void {
    const way =
      (to: End) =>
      (bytes: Uint8Array): void => {
        const passed = path(bytes)
        if (passed !== undefined) clock.after(passed.delayMs, () => to.#receive(passed.bytes))
      }
    one.#transmit = way(other)
    other.#transmit = way(one)
  }

  feed(input: SessionInput): void {
    const { session, outputs } = step(this.session, input, this.#clock.now())
    this.session = session
    for (const output of outputs) this.#perform(output)
  }

  #receive(bytes: Uint8Array): void {
    const decoded = decodeControlPacket(bytes)
    if (this.hasEnded) return
    if (decoded.kind === 'packet') this.feed({ kind: 'received', packet: decoded.packet })
    else this.feed({ kind: 'refused', cause: decoded.cause })
  }

  #perform(output: SessionOutput): void {
    switch (output.kind) {
      case 'send':
        this.sent.push({ atMs: this.#clock.now(), packet: output.packet })
        this.#transmit(encodeControlPacket(output.packet))
        break
      case 'arm':
        this.#alarms.get(output.timer)?.cancel()
        this.#alarms.set(
          output.timer,
          this.#clock.after(output.ms, () => this.feed({ kind: 'timer', timer: output.timer })),
        )
        break
      case 'disarm':
        this.#alarms.get(output.timer)?.cancel()
        break
      case 'changed':
        this.changes.push({ atMs: this.#clock.now(), from: output.from, to: output.to, reason: output.reason })
        break
      case 'dropped':
        break
      case 'ended':
        this.hasEnded = true
        break
    }
  }
}
