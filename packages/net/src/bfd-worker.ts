// The thread of BFD: owns its sockets and timers, so that nothing on the main thread can delay a packet.
import type { BfdSnapshot } from '@holdfast/bfd'
import { systemClock } from '@holdfast/runtime'
import { randomInt } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { emptySnapshot } from './bfd-empty-snapshot.ts'
import { BfdEngine } from './bfd-engine.ts'
import { monotonicOriginMs, type BfdCommand, type BfdReport, type BfdThreadData } from './bfd-messages.ts'
import { loadNative } from './bfd-native.ts'
import { createBfdSockets } from './bfd-socket.ts'

/** How old a snapshot becomes on the main thread, and some time for its way. */
const snapshotMs = 200

function run({ originMs }: BfdThreadData, port: NonNullable<typeof parentPort>): void {
  const clock = systemClock()
  const behindMs = monotonicOriginMs() - originMs
  const report = (message: BfdReport): void => port.postMessage(message)
  const onMainClock = (snapshot: BfdSnapshot): BfdSnapshot => ({ ...snapshot, sinceMs: snapshot.sinceMs + behindMs })
  const native = loadNative()
  if ('obstacle' in native) {
    refuse(port, native.obstacle)
    return
  }
  native.raisePriority()
  warmUp()
  const engine = new BfdEngine({
    clock,
    sockets: createBfdSockets(native),
    random: () => randomInt(2 ** 32),
    // Node reads sockets between its timers and these.
    afterReading: (next) => void setImmediate(next),
    observe: (id, event) => {
      const snapshot = engine.snapshot(id)
      report({ kind: 'event', id, event, snapshot: snapshot === undefined ? undefined : onMainClock(snapshot) })
    },
  })
  const tell = (): void => {
    const snapshots = engine.snapshots().map(({ id, snapshot }) => ({ id, snapshot: onMainClock(snapshot) }))
    if (snapshots.length > 0) report({ kind: 'snapshots', snapshots })
    ticking = clock.after(snapshotMs, tell)
  }
  let ticking = clock.after(0, tell)
  port.on('message', (command: BfdCommand) => {
    switch (command.kind) {
      case 'open':
        engine.open(command.id, command.options)
        break
      case 'configure':
        engine.configure(command.id, command.config)
        break
      case 'close':
        engine.close(command.id)
        break
      case 'stop':
        engine.stop(() => {
          ticking.cancel()
          report({ kind: 'stopped' })
          port.close()
        })
        break
    }
  })
}

/**
 * Fills the young generation some times over before there is a session. The first collections ask the system for memory,
 * which with all cores busy may take longer than a Detection Time; later ones have it.
 */
function warmUp(): void {
  let garbage: readonly number[] = []
  for (let count = 0; count < 40_000; count += 1) garbage = Array.from({ length: 64 }, () => garbage.length)
}

/** A machine that cannot do BFD: every session says why. */
function refuse(port: NonNullable<typeof parentPort>, obstacle: string): void {
  port.on('message', (command: BfdCommand) => {
    if (command.kind === 'stop') {
      port.postMessage({ kind: 'stopped' } satisfies BfdReport)
      port.close()
    } else if (command.kind === 'open') {
      const snapshot = emptySnapshot(0, obstacle)
      port.postMessage({ kind: 'snapshots', snapshots: [{ id: command.id, snapshot }] } satisfies BfdReport)
    }
  })
}

const data: unknown = workerData

const isThreadData = (value: unknown): value is BfdThreadData =>
  typeof value === 'object' && value !== null && 'originMs' in value && typeof value.originMs === 'number'

if (parentPort !== null && isThreadData(data)) run(data, parentPort)
