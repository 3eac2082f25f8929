import { eventually } from '../harness/eventually.ts'
import type { HelperName } from './helper.ts'
import { KillSite, vips } from './site.ts'

/** How one of two nodes went for good, and what it did to the traffic. */
export interface LeaveFindings {
  readonly sent: number
  readonly lost: number
  readonly byNode: ReadonlyMap<string, number>
  /** For each session of the node: what the router saw of it at the end, in order. */
  readonly farewells: readonly (readonly string[])[]
}

/** Two nodes announce, one of them gets SIGTERM while a client sends. */
export async function examineLeave(router: HelperName, perSecond = 1000): Promise<LeaveFindings> {
  const site = await KillSite.create({ router, nodes: ['node-a', 'node-b'], hasBfd: router === 'FRR' })
  let hasFailed = true
  try {
    const findings = await leave(site, perSecond)
    hasFailed = findings.lost > 0
    return findings
  } finally {
    if (hasFailed) site.fabric.lab.reportFailure()
    site.fabric.lab.close()
  }
}

async function leave(site: KillSite, perSecond: number): Promise<LeaveFindings> {
  const [leaving, staying] = ['node-a', 'node-b'] as const
  const holdfast = site.start(leaving)
  site.start(staying)
  for (const node of [leaving, staying]) await site.established(node, 1)
  for (const vip of vips) await site.forwards(vip, [leaving, staying])
  const traffic = await site.flow(perSecond)

  const { ipv4, ipv6 } = site.fabric.node(leaving)
  holdfast.signal('SIGTERM')
  const marks: string[] = []
  for (const vip of vips) {
    const mark = await eventually(
      `${vip} is marked with GRACEFUL_SHUTDOWN`,
      () => site.helper.communities(vip, vip.includes(':') ? ipv6 : ipv4),
      (communities) => {
        if (communities?.includes(site.helper.gracefulShutdown) !== true) throw new Error('not yet')
      },
      { timeoutMs: 5000 },
    )
    marks.push(mark ?? '')
  }
  await holdfast.exited
  for (const vip of vips) await site.forwards(vip, [staying])
  const tally = await traffic.stop()
  return {
    sent: tally.sent,
    lost: tally.lost.length,
    byNode: tally.byNode,
    farewells: [ipv4, ipv6].map((address, index) => [marks[index] ?? '', ...site.helper.farewell(address)]),
  }
}
