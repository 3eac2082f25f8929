import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Cluster } from '../cluster/cluster.ts'
import type { Scene } from './carry-out.ts'
import { carryOut, dropLease, pathsOf } from './carry-out.ts'
import type { Fact } from './facts.ts'
import { judge } from './judge.ts'
import { judgeEnd } from './judge-end.ts'
import type { HistoryPlan, Step, Target, Trouble } from './plan.ts'
import { planHistory } from './plan.ts'
import type { Recording } from './record.ts'
import { record } from './record.ts'
import type { Replica } from './replica.ts'
import { createReplica } from './replica.ts'
import { worldAfter } from './world.ts'

export interface HistoryOptions {
  readonly cluster: Cluster
  readonly seed: number
  /** How much faster than real time all controllers' clocks pass; 4 unless given: a lease ends after 3.8 s instead of 15 s. */
  readonly baseRate?: number
  /** Of another checkout, whose program is to be judged. */
  readonly checkout?: string | undefined
}

export interface HistoryResult {
  readonly seed: number
  readonly acts: number
  readonly troubles: number
  /** States that the API server had. */
  readonly states: number
  readonly given: number
  readonly moved: number
  readonly leaderships: number
  /** From the end of all trouble until everything is as it has to be and nothing is written for a second. */
  readonly settledMs: number
}

/** Some seconds on a machine that does nothing else. */
const settleWithinMs = 120_000
const restMs = 1000

let made = 0

/**
 * One history with real processes. Rejects with what was wrong, and with what happened: the plan is the seed's, how the processes
 * meet in it is chance.
 */
export async function runHistory({ cluster, seed, baseRate = 4, checkout }: HistoryOptions): Promise<HistoryResult> {
  made += 1
  const namespace = `history-${seed}-${made}`
  const scene: Scene = { client: cluster.client(), namespace, servedClass: `histories.test/${namespace}` }
  const plan = planHistory(seed)
  const timeline = createTimeline()
  await scene.client.create('/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace },
  })
  const recording = await record(cluster, scene, (fact) => timeline.tell(textOf(fact)))
  const replicas: Replica[] = []
  try {
    for (const [index, rate] of plan.rates.entries()) {
      const name = `${namespace}-${String.fromCharCode(97 + index)}`
      const replica = await createReplica({ cluster, name, baseRate, checkout, ...scene })
      replica.start(rate)
      replicas.push(replica)
    }
    await untilSomeoneLeads(replicas)
    await turmoil(plan, { scene, replicas, tell: timeline.tell })
    const settledMs = await settle({ recording, replicas, tell: timeline.tell })
    const { given, moved } = await conclude(recording, replicas)
    const troubles = plan.steps.filter(({ act }) => isTrouble(act)).length
    return {
      ...{ seed, acts: plan.steps.length - troubles, troubles, states: recording.facts().length, given, moved },
      leaderships: replicas.reduce((sum, replica) => sum + replica.leaderships(), 0),
      settledMs,
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const kept = keep(seed, [{ name: 'timeline', text: timeline.text() }, ...replicas.flatMap((one) => one.outputs())])
    throw new Error(`history ${seed}: ${message}\n  timeline and logs are in ${kept}`, { cause: error })
  } finally {
    recording.stop()
    await Promise.all(replicas.map((replica) => replica.close()))
    await tidy(scene)
  }
}

async function untilSomeoneLeads(replicas: readonly Replica[]): Promise<void> {
  for (let waitedMs = 0; replicas.every((replica) => replica.leaderships() === 0); waitedMs += 50) {
    if (waitedMs > 30_000) throw new Error('nobody leads')
    await pause(50)
  }
}

interface Stage {
  readonly scene: Scene
  readonly replicas: readonly Replica[]
  readonly tell: (line: string) => void
}

type Act = Step['act']

const troubleKinds: ReadonlySet<Act['kind']> = new Set<Trouble['kind']>([
  'kill',
  'terminate',
  'pause',
  'connection',
  'dropLease',
  'usurp',
])

const isTrouble = (act: Act): act is Trouble => troubleKinds.has(act.kind)

async function turmoil(plan: HistoryPlan, stage: Stage): Promise<void> {
  const beganMs = performance.now()
  const after = createAlarms()
  for (const { atMs, act } of plan.steps) {
    await pause(Math.max(0, beganMs + atMs - performance.now()))
    stage.tell(JSON.stringify(act))
    if (isTrouble(act)) await makeTrouble(act, stage, after.ring)
    else await carryOut(act, stage.scene)
  }
  after.cancel()
}

/** What is to happen later; nothing of it after the end of the turmoil. */
function createAlarms(): { readonly ring: (ms: number, run: () => void) => void; readonly cancel: () => void } {
  const alarms: NodeJS.Timeout[] = []
  return {
    ring: (ms, run) => void alarms.push(setTimeout(run, ms)),
    cancel: () => {
      for (const alarm of alarms) clearTimeout(alarm)
    },
  }
}

async function makeTrouble(
  act: Trouble,
  { replicas, scene, tell }: Stage,
  later: (ms: number, run: () => void) => void,
): Promise<void> {
  if (act.kind === 'dropLease') {
    await dropLease(scene)
    return
  }
  const replica = await targetOf(act.replica, replicas, scene)
  switch (act.kind) {
    case 'kill':
    case 'terminate':
      replica[act.kind]()
      later(act.restartAfterMs, () => {
        if (replica.isRunning()) replica.kill()
        replica.start(act.rate)
        tell(`${replica.name} starts`)
      })
      return
    case 'pause':
      replica.stop()
      later(act.ms, () => {
        replica.goOn()
        tell(`${replica.name} goes on`)
      })
      return
    case 'usurp':
      later(act.ms, replica.harm({ kind: 'noLease' }))
      later(act.ms, replica.harm({ kind: 'stale', resource: act.resource }))
      await dropLease(scene)
      return
    case 'connection':
      later(act.ms, replica.harm(act.fault))
  }
}

async function targetOf(target: Target, replicas: readonly Replica[], scene: Scene): Promise<Replica> {
  const lease = await scene.client.send('GET', pathsOf(scene.namespace).Lease)
  const holder = lease.status === 200 ? lease.body.at('spec').at('holderIdentity').textOr('') : ''
  const leader = replicas.find(({ name }) => holder.startsWith(`${name}-`))
  const replica = (target === 'leader' ? leader : replicas[target]) ?? replicas[0]
  if (replica === undefined) throw new Error('there are no replicas')
  return replica
}

interface Calm {
  readonly recording: Recording
  readonly replicas: readonly Replica[]
  readonly tell: (line: string) => void
}

/** Everybody works again. Resolves when all is as it has to be and nobody writes any more. */
async function settle({ recording, replicas, tell }: Calm): Promise<number> {
  tell('calm')
  for (const replica of replicas) {
    await replica.heal()
    replica.goOn()
  }
  if (!replicas.some((replica) => replica.isRunning())) replicas[0]?.start(1)
  const beganMs = performance.now()
  let sinceMs = beganMs
  let known = -1
  for (;;) {
    const facts = recording.facts()
    const nowMs = performance.now()
    if (facts.length !== known) sinceMs = nowMs
    known = facts.length
    if (nowMs - sinceMs >= restMs) {
      const wrong = judgeEnd(worldAfter(facts))
      if (wrong.length === 0) return nowMs - beganMs
      if (nowMs - beganMs > settleWithinMs) throw new Error(['in the end', ...wrong].join('\n  '))
    } else if (nowMs - beganMs > 2 * settleWithinMs) throw new Error('they write for ever')
    await pause(100)
  }
}

/** Every state that there was, and whether the processes ended as they have to. */
async function conclude(recording: Recording, replicas: readonly Replica[]): Promise<{ given: number; moved: number }> {
  await recording.assertWhole()
  const complaints = replicas.flatMap((replica) => replica.complaints())
  const { findings, given, moved } = judge(recording.facts())
  const ends = await Promise.all(replicas.map((replica) => replica.end()))
  const wrong = [
    ...findings.map(({ rule, revision, text }) => `${rule} (${revision}): ${text}`),
    ...complaints,
    ...ends.flat(),
  ]
  if (wrong.length > 0) throw new Error(wrong.join('\n  '))
  return { given, moved }
}

/** The others would go on following what is left. */
async function tidy({ client, namespace }: Scene): Promise<void> {
  const paths = pathsOf(namespace)
  for (const path of [paths.Service, paths.IPAddressPool, paths.AddressBlock]) await client.send('DELETE', path)
}

/** Returns the directory. */
function keep(seed: number, files: readonly { readonly name: string; readonly text: string }[]): string {
  const directory = mkdtempSync(join(tmpdir(), `holdfast-history-${seed}-`))
  for (const { name, text } of files) writeFileSync(join(directory, name), text)
  return directory
}

function createTimeline(): { readonly tell: (line: string) => void; readonly text: () => string } {
  const lines: string[] = []
  const beganMs = performance.now()
  return {
    tell: (line) => void lines.push(`${Math.round(performance.now() - beganMs)} ${line}`),
    text: () => lines.join('\n'),
  }
}

function textOf(fact: Fact): string {
  const what = `  ${fact.revision} ${fact.kind} ${fact.name}${fact.isDeleted ? ' deleted' : ''}`
  if (fact.isDeleted) return what
  switch (fact.kind) {
    case 'Service':
      return `${what} ${fact.uid.slice(0, 8)} [${fact.addresses.join()}] ${JSON.stringify(fact.wish)}`
    case 'IPAddressPool':
      return `${what} ${[...fact.addresses].join()}`
    case 'AddressBlock': {
      const grants = fact.grants.map((one) => one.replace(/(?<=^\S+ \S{8}).*/, ''))
      const reserved = [...fact.reserved].map(([address, leadership]) => `${address} for ${leadership}`)
      return `${what} ${[...grants, ...reserved].join(', ')}`
    }
  }
}
