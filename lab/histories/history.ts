import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Cluster } from '../cluster/cluster.ts'
import type { Scene } from './carry-out.ts'
import { carryOut, dropLease, leasePath, pathsOf } from './carry-out.ts'
import type { Fact } from './facts.ts'
import { podOf } from './facts.ts'
import type { Judgement } from './judge.ts'
import { judge } from './judge.ts'
import { judgeEnd } from './judge-end.ts'
import type { HistoryPlan, Target, Trouble } from './plan.ts'
import { isTrouble, planHistory } from './plan.ts'
import type { Recording } from './record.ts'
import { record } from './record.ts'
import type { Replica } from './replica.ts'
import { createReplica } from './replica.ts'
import { createTimeline, observeBy } from './timeline.ts'
import { boundIn, worldAfter } from './world.ts'

export interface HistoryOptions {
  readonly cluster: Cluster
  readonly seed: number
  /** How much faster than real time all controllers' clocks pass; 4 unless given: a lease ends after 3.8 s instead of 15 s. */
  readonly baseRate?: number
  /** Whether a history goes on until what lost leaders set aside is free again: 20 minutes of the last leader's clock. */
  readonly awaitsReclaim?: boolean
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
  /** How many of these before a block granted them: they were set aside. */
  readonly ahead: number
  readonly moved: number
  readonly leaderships: number
  /** How many of them ended on purpose after all trouble, and left nothing set aside. */
  readonly gaveBack: number
  readonly isRoomy: boolean
  /** From the end of all trouble until everything is as it has to be and nothing is written for a second. */
  readonly settledMs: number
}

/** Some seconds on a machine that does nothing else. */
const settleWithinMs = 120_000
const restMs = 1000
/** At the lowest rate of a clock, and once more. */
const reclaimWithinMs = 1_500_000

let made = 0

/**
 * One history with real processes. Rejects with what was wrong, and with what happened: the plan is the seed's, how the processes
 * meet in it is chance.
 */
export async function runHistory(options: HistoryOptions): Promise<HistoryResult> {
  const { cluster, seed, baseRate = 4, awaitsReclaim = false, checkout } = options
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
  const recording = await record(cluster, { ...scene, baseRate }, observeBy(timeline.tell))
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
    const stage = { scene, replicas, tell: timeline.tell }
    const settledMs = await settle({ recording, ...stage })
    const calmFrom = recording.facts().at(-1)?.revision ?? 0
    const complaints = await calmLife(plan, { recording, ...stage })
    if (awaitsReclaim) await untilReclaimed({ recording, ...stage })
    const judgement = await conclude({ recording, replicas, baseRate, calmFrom, complaints })
    const troubles = plan.steps.filter(({ act }) => isTrouble(act)).length
    return {
      ...{ seed, acts: actsOf(plan) - troubles, troubles, states: statesOf(recording.facts()), isRoomy: plan.isRoomy },
      ...judgement,
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

const actsOf = ({ steps, calm }: HistoryPlan): number => steps.length + calm.flat().length

const statesOf = (facts: readonly Fact[]): number => facts.filter(({ kind }) => kind !== 'Lease').length

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

/** Empty: nobody. */
async function holderOfLease(scene: Scene): Promise<string> {
  const lease = await scene.client.send('GET', leasePath(scene.namespace))
  return lease.status === 200 ? podOf(lease.body.at('spec').at('holderIdentity').textOr('')) : ''
}

async function targetOf(target: Target, replicas: readonly Replica[], scene: Scene): Promise<Replica> {
  const holder = await holderOfLease(scene)
  const leader = replicas.find(({ name }) => holder.startsWith(`${name}-`))
  const replica = (target === 'leader' ? leader : replicas[target]) ?? replicas[0]
  if (replica === undefined) throw new Error('there are no replicas')
  return replica
}

interface Calm extends Stage {
  readonly recording: Recording
}

/** Everybody works again. Resolves when all is as it has to be and nobody writes any more. */
async function settle({ recording, replicas, tell }: Omit<Calm, 'scene'>): Promise<number> {
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
    const states = statesOf(facts)
    if (states !== known) sinceMs = nowMs
    known = states
    if (nowMs - sinceMs >= restMs) {
      const wrong = judgeEnd(worldAfter(facts))
      if (wrong.length === 0) return nowMs - beganMs
      if (nowMs - beganMs > settleWithinMs) throw new Error(['in the end', ...wrong].join('\n  '))
    } else if (nowMs - beganMs > 2 * settleWithinMs) throw new Error('they write for ever')
    await pause(100)
  }
}

/** What people do after all trouble, under one leader after the other, which are ended by SIGTERM; what was wrong with that. */
async function calmLife({ calm }: HistoryPlan, stage: Calm): Promise<readonly string[]> {
  const complaints: string[] = []
  for (const [index, steps] of calm.entries()) {
    if (index > 0) {
      const leader = await leaderOf(stage)
      stage.tell(`${leader.name} ends`)
      complaints.push(...(await leader.end()))
      leader.start(1)
    } else await leaderOf(stage)
    const beganMs = performance.now()
    for (const { atMs, act } of steps) {
      await pause(Math.max(0, beganMs + atMs - performance.now()))
      stage.tell(JSON.stringify(act))
      await carryOut(act, stage.scene)
    }
    await settle(stage)
  }
  return complaints
}

/** All that waited for it has an address then. */
async function untilReclaimed(stage: Calm): Promise<void> {
  stage.tell('until all is reclaimed')
  const beganMs = performance.now()
  for (;;) {
    const bound = boundIn(worldAfter(stage.recording.facts()))
    if (bound.size === 0) break
    if (performance.now() - beganMs > reclaimWithinMs) throw new Error(`still set aside: ${[...bound].join()}`)
    await pause(500)
  }
  await settle(stage)
}

/** Once one of those that run has the Lease. */
async function leaderOf({ scene, replicas }: Stage): Promise<Replica> {
  for (let waitedMs = 0; waitedMs < 30_000; waitedMs += 50) {
    const holder = await holderOfLease(scene)
    const leader = replicas.find((replica) => replica.identity() === holder)
    if (leader !== undefined) return leader
    await pause(50)
  }
  throw new Error('nobody leads in the calm')
}

interface Whole {
  readonly recording: Recording
  readonly replicas: readonly Replica[]
  readonly baseRate: number
  readonly calmFrom: number
  readonly complaints: readonly string[]
}

/** Every state that there was, and whether the processes ended as they have to. */
async function conclude(whole: Whole): Promise<Omit<Judgement, 'findings'>> {
  const { recording, replicas, baseRate, calmFrom } = whole
  const complaints = [...whole.complaints, ...replicas.flatMap((replica) => replica.complaints())]
  const wrongEnds = await Promise.all(replicas.map((replica) => replica.end()))
  await recording.assertWhole()
  const ends = replicas.flatMap((replica) => [...replica.ends()].map(([name, ms]) => [name, ms * baseRate] as const))
  const ledOnce = new Set(replicas.flatMap((replica) => replica.ledOnce()))
  const { findings, ...figures } = judge(recording.facts(), { ends: new Map(ends), ledOnce, calmFrom })
  const wrong = [
    ...findings.map(({ rule, revision, text }) => `${rule} (${revision}): ${text}`),
    ...complaints,
    ...wrongEnds.flat(),
  ]
  if (wrong.length > 0) throw new Error(wrong.join('\n  '))
  return figures
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
