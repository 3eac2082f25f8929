import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { eventually } from '../harness/eventually.ts'
import type { HelperName } from './helper.ts'
import { KillSite, vips } from './site.ts'

/** What `times` restarts did to the traffic through one node. */
export interface RestartFindings {
  readonly router: string
  readonly times: number
  readonly sent: number
  readonly lost: number
  /** Packets that the lab itself could not take in; not in `lost`'s favour: they count as lost too. */
  readonly overflows: number
  /** Deletions and other changes of the VIPs' routes in the router's kernel. */
  readonly routeChanges: readonly string[]
  /** From the start of the process until both sessions were Established, each time. */
  readonly establishedMs: readonly number[]
  /** How often the router saw the R bit, and End-of-RIB, of both families. */
  readonly restartsSeen: number
  readonly completions: number
}

/** `kill -9` and start again, so many times, while a client sends `perSecond` packets to each VIP. */
export async function examineRestarts(router: HelperName, times: number, perSecond = 1000): Promise<RestartFindings> {
  const site = await KillSite.create({ router, nodes: ['node-a'], hasBfd: false })
  let hasFailed = true
  try {
    const findings = await restarts(site, times, perSecond)
    hasFailed = findings.lost > 0 || findings.routeChanges.length > 0
    return findings
  } finally {
    if (hasFailed) site.fabric.lab.reportFailure()
    site.fabric.lab.close()
  }
}

async function restarts(site: KillSite, times: number, perSecond: number): Promise<RestartFindings> {
  const node = site.fabric.node('node-a')
  let holdfast = site.start(node.name)
  await site.established(node.name, 1)
  for (const vip of vips) {
    await site.forwards(vip, [node.name])
  }
  // The monitor tells of the routes' first appearance or, where it started later, of nothing.
  const changesBefore = site.routeChanges().length
  const traffic = await site.flow(perSecond)

  const establishedMs: number[] = []
  let restartsSeen = 0
  let completions = 0
  for (let time = 1; time <= times; time += 1) {
    const before = site.establishments(node.name)
    holdfast.signal('SIGKILL')
    await holdfast.exited
    const begun = performance.now()
    holdfast = site.start(node.name)
    await site.established(node.name, before + 1)
    establishedMs.push(performance.now() - begun)
    const restart = await eventually(
      'the router has taken the routes over',
      () => site.helper.restart(node),
      ({ isComplete, isStale }) => assert.ok(isComplete && !isStale),
    )
    if (restart.isRestartSeen) restartsSeen += 1
    if (restart.isComplete) completions += 1
    // Part of the experiment, not a wait for something: routes that go later than they should are seen too.
    await pause(200)
  }
  const tally = await traffic.stop()
  return {
    router: `${site.helper.name} ${site.helper.version}`,
    times,
    sent: tally.sent,
    lost: tally.lost.length,
    overflows: tally.overflows,
    routeChanges: site.routeChanges().slice(changesBefore),
    establishedMs,
    restartsSeen,
    completions,
  }
}
