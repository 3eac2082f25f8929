import assert from 'node:assert/strict'
import { eventually } from '../harness/eventually.ts'
import { Json } from '../harness/json.ts'
import type { LabProcess } from '../harness/process.ts'
import { residentMiB } from './proc.ts'
import { hostilePlan, HostileSite } from './site.ts'

/** What came of one case on one kind of session. */
export interface Run {
  readonly id: string
  readonly title: string
  readonly scene: string
  readonly ms: number
  readonly problem: string | undefined
}

export interface Attacked {
  readonly runs: readonly Run[]
  /** What the attacker said at its end. */
  readonly summary: Json
  readonly bystanders: readonly BystanderView[]
  /** How late the machine let the bystanders themselves run, at worst. */
  readonly lagMs: number
  /** What happened to bystanders that should not. */
  readonly disturbances: readonly string[]
  readonly memory: { readonly beforeMiB: number; readonly afterMiB: number }
  readonly seconds: number
}

interface BystanderView {
  readonly scene: string
  /** The longest silence of the program. */
  readonly gapMs: number
  readonly messages: number
}

/** Starts the program, a bystander on every kind of session, and the attacker; resolves when all cases have run. */
export async function attackWith(
  program: string,
  ...args: readonly string[]
): Promise<{ site: HostileSite; attacked: Attacked }> {
  const start = performance.now()
  const site = await HostileSite.create(hostilePlan())
  try {
    const bystanders = await startBystanders(site)
    const beforeMiB = residentMiB(site.holdfast.pid)
    const attacker = site.start('attacker', program, String(site.holdfast.pid), site.socketPath, ...args)
    await eventually(
      'the attacker has run every case',
      () => ({
        attacker: attacker.state,
        holdfast: site.holdfast.state,
        isDone: attacker.output().includes('"done":true'),
      }),
      (seen) => {
        if (!seen.attacker.startsWith('running') || !seen.holdfast.startsWith('running')) return
        assert.ok(seen.isDone)
      },
      { timeoutMs: 240_000 },
    )
    const afterMiB = residentMiB(site.holdfast.pid)
    const runs = attacker.jsonLines().filter((line) => !line.at('case').isMissing)
    const attacked = {
      runs: runs.map(runOf),
      summary: attacker.jsonLines().at(-1) ?? new Json({}),
      ...viewsOf(bystanders),
      memory: { beforeMiB, afterMiB },
      seconds: (performance.now() - start) / 1000,
    }
    return { site, attacked }
  } catch (error) {
    site.lab.reportFailure()
    site.lab.close()
    throw error
  }
}

const runOf = (line: Json): Run => ({
  id: line.at('case').text(),
  title: line.at('title').text(),
  scene: line.at('scene').text(),
  ms: line.at('ms').number(),
  problem: line.at('problem').textOr(undefined),
})

/** One session of each kind that takes no part in the attack. */
async function startBystanders(site: HostileSite): Promise<LabProcess> {
  const bystanders = site.start('bystanders', 'bystander-main.ts')
  await eventually(
    'the bystanders are up',
    () => bystanders.output(),
    (output) => assert.match(output, /"up":/),
    { timeoutMs: 30_000 },
  )
  return bystanders
}

/** How the bystanders have fared up to now. */
function viewsOf(bystanders: LabProcess): Pick<Attacked, 'bystanders' | 'lagMs' | 'disturbances'> {
  const lines = bystanders.jsonLines()
  const latest = lines.findLast((line) => !line.at('worst').isMissing)
  const views = latest?.at('worst').list() ?? []
  const disturbances = lines.filter((line) => !line.at('disturbed').isMissing)
  return {
    bystanders: views.map((view) => ({
      scene: view.at('scene').text(),
      gapMs: view.at('gapMs').number(),
      messages: view.at('messages').number(),
    })),
    lagMs: latest?.at('lagMs').number() ?? 0,
    disturbances: disturbances.map((line) => `${line.at('disturbed').text()}: ${line.at('what').text()}`),
  }
}
