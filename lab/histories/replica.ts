import { join } from 'node:path'
import type { Cluster } from '../cluster/cluster.ts'
import { boundToUs } from '../cluster/control-plane.ts'
import type { Rule } from '../cluster/faults.ts'
import type { FaultProxy } from '../cluster/proxy.ts'
import { startProxy } from '../cluster/proxy.ts'
import type { Json } from '../harness/json.ts'
import type { LabProcess } from '../harness/process.ts'
import type { ConnectionFault } from './plan.ts'

const root = join(import.meta.dirname, '..', '..')

/** One of the controllers: a process at a time, with its own way to the API server and its own clock. */
export interface Replica {
  /** What the identities of its processes begin with. */
  readonly name: string
  readonly start: (rate: number) => void
  readonly isRunning: () => boolean
  /** Of the process that runs; undefined: none does. */
  readonly identity: () => string | undefined
  /** By identity: when processes ended, by `performance.now()`. */
  readonly ends: () => ReadonlyMap<string, number>
  readonly kill: () => void
  readonly terminate: () => void
  readonly stop: () => void
  readonly goOn: () => void
  /** Until the returned function is called. */
  readonly harm: (fault: ConnectionFault) => () => void
  /** Nothing is done to its connection any more, and what was held back comes. */
  readonly heal: () => Promise<void>
  /** Identities of its processes that began to lead once. */
  readonly ledOnce: () => readonly string[]
  /** How often it began to lead, in all its lives. */
  readonly leaderships: () => number
  /** What it must never say or do, in all its lives. */
  readonly complaints: () => readonly string[]
  /** Ends it by SIGTERM and waits; what was wrong with that. */
  readonly end: () => Promise<readonly string[]>
  readonly close: () => Promise<void>
  /** What each of its processes printed. */
  readonly outputs: () => readonly { readonly name: string; readonly text: string }[]
}

export interface ReplicaOptions {
  readonly cluster: Cluster
  readonly name: string
  readonly namespace: string
  readonly servedClass: string
  /** How many times faster than real time a clock passes whose rate is 1. */
  readonly baseRate: number
  /** The checkout whose program runs; this one unless given. */
  readonly checkout?: string | undefined
}

const writes = ['create', 'update', 'patch', 'delete'] as const

export async function createReplica(options: ReplicaOptions): Promise<Replica> {
  const { cluster, name } = options
  const proxy = await startProxy({ target: cluster.url, authority: cluster.authority })
  const lives: LabProcess[] = []
  const asked = new Set<LabProcess>()
  const ends = new Map<string, number>()
  const faults = createFaults(proxy)

  const current = (): LabProcess | undefined => lives.at(-1)
  const isRunning = (): boolean => current()?.state.startsWith('running') === true
  const signal = (signal: NodeJS.Signals): void => {
    const life = current()
    if (life === undefined) return
    if (signal === 'SIGKILL' || signal === 'SIGTERM') asked.add(life)
    life.signal(signal)
  }
  return {
    name,
    start: (rate) => {
      const identity = `${name}-${lives.length + 1}`
      const command = commandOf(options, { identity, kubeconfig: cluster.kubeconfig(undefined, proxy.url), rate })
      const life = cluster.lab.start(undefined, identity, command)
      lives.push(life)
      void life.exited.then(() => ends.set(identity, performance.now()))
    },
    isRunning,
    identity: () => (isRunning() ? current()?.name : undefined),
    ends: () => ends,
    kill: () => signal('SIGKILL'),
    terminate: () => signal('SIGTERM'),
    stop: () => signal('SIGSTOP'),
    goOn: () => signal('SIGCONT'),
    harm: faults.add,
    heal: faults.clear,
    ledOnce: () => lives.filter((life) => beginningsOf(life) === 1).map(({ name }) => name),
    leaderships: () => lives.reduce((sum, life) => sum + beginningsOf(life), 0),
    complaints: () =>
      lives.flatMap((life) => {
        const defects = life.jsonLines().filter((line) => eventOf(line) === 'defect')
        const hasEnded = !life.state.startsWith('running') && !asked.has(life)
        return [
          ...defects.map((line) => `${life.name}: ${line.at('message').textOr('')}`),
          ...(hasEnded ? [`${life.name} ended by itself: ${life.state}\n${life.tail(5)}`] : []),
        ]
      }),
    end: async () => {
      const life = current()
      if (life === undefined || !isRunning()) return []
      const isAsked = asked.has(life)
      signal('SIGCONT')
      // A second one would end it at once.
      if (!isAsked) signal('SIGTERM')
      const end = await life.exited
      // One that is only just starting takes it as every process does.
      const isAtWork = life.jsonLines().some((line) => eventOf(line) === 'synced')
      if (end.code === 0 || !isAtWork) return []
      return [`${life.name} ended with ${JSON.stringify(end)} after SIGTERM`]
    },
    outputs: () => lives.map((life) => ({ name: life.name, text: life.output() })),
    close: async () => {
      current()?.end()
      await current()?.exited
      await proxy.stop()
    },
  }
}

const beginningsOf = (life: LabProcess): number => life.jsonLines().filter((line) => eventOf(line) === 'leading').length

const eventOf = (line: Json): string => line.at('event').textOr('')

function commandOf(
  { namespace, servedClass, baseRate, checkout = root }: ReplicaOptions,
  life: { readonly identity: string; readonly kubeconfig: string; readonly rate: number },
): readonly [string, ...string[]] {
  return boundToUs([
    'env',
    `HOLDFAST_LAB_CLOCK_RATE=${life.rate * baseRate}`,
    `NODE_OPTIONS=--import=${join(import.meta.dirname, 'clock-rate-main.ts')}`,
    ...[join(checkout, 'apps', 'holdfast', 'bin', 'holdfast'), 'controller', '--kubeconfig', life.kubeconfig],
    ...['--namespace', namespace, '--lb-class', servedClass, '--pod-name', life.identity],
    ...['--port', '0', '--health-probe-port', '0'],
  ])
}

interface Faults {
  readonly add: (fault: ConnectionFault) => () => void
  readonly clear: () => Promise<void>
}

/** Several at a time; each ends by itself. */
function createFaults(proxy: FaultProxy): Faults {
  const present = new Set<ConnectionFault>()
  let isDown = false
  let settled = Promise.resolve()
  const set = (): void => {
    proxy.setRules(...[...present].flatMap(rulesFor))
    const mustBeDown = [...present].some(({ kind }) => kind === 'down')
    if (mustBeDown === isDown) return
    isDown = mustBeDown
    settled = settled.then(() => (mustBeDown ? proxy.down() : proxy.up()))
  }
  const remove = (fault: ConnectionFault): void => {
    if (!present.delete(fault)) return
    set()
    // It was quiet for good: the next one begins where it was.
    if ('resource' in fault) proxy.breakOff({ verbs: ['watch'], resources: [fault.resource] })
  }
  return {
    add: (fault) => {
      present.add(fault)
      set()
      return () => remove(fault)
    },
    clear: async () => {
      for (const fault of present) remove(fault)
      proxy.breakOff()
      await settled
    },
  }
}

function rulesFor(fault: ConnectionFault): readonly Rule[] {
  const name = fault.kind
  switch (fault.kind) {
    case 'down':
      return []
    case 'stale':
      return [{ name, on: { verbs: ['watch'], resources: [fault.resource] }, fault: { kind: 'quiet' } }]
    case 'staleList':
      return [
        { name, on: { verbs: ['list'], resources: [fault.resource] }, fault: { kind: 'staleList' } },
        {
          name,
          on: { verbs: ['watch'], resources: [fault.resource] },
          fault: { kind: 'errorEvent', status: 410 },
          times: 1,
        },
      ]
    case 'slowWrites':
      return [
        {
          name,
          on: { verbs: writes, resources: ['services/status', 'addressblocks'] },
          fault: { kind: 'delay', ms: fault.delayMs },
        },
      ]
    case 'lostAnswers':
      return [
        { name, on: { verbs: writes, resources: ['services/status', 'addressblocks'] }, fault: { kind: 'loseAnswer' } },
      ]
    case 'noLease':
      return [{ name, on: { resources: ['leases'] }, fault: { kind: 'silence' } }]
  }
}
