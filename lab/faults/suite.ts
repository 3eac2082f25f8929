import type { ProxyProtocol } from '../cluster/proxy-speakers.ts'
import { routerAddress } from '../harness/fabric.ts'
import { startControllerSubject, watchServices } from './controllers.ts'
import { examine, type Finding, type Pace, type Trial } from './examine.ts'
import { startProxies } from './proxies.ts'
import { FaultSite, startSpeakerSubject } from './speakers.ts'
import type { Subject } from './subject.ts'

export interface SuiteOptions extends Pace {
  /** What the proxies speak with the programs, in turn. */
  readonly protocols: readonly ProxyProtocol[]
  /** How many programs share the trials. */
  readonly speakers: number
  readonly controllers: number
  readonly plan: { readonly speakers: readonly Trial[]; readonly controllers: readonly Trial[] }
  /** Load balancers without an address before all others, so that lists have several pages. */
  readonly fillers: number
  readonly found: (finding: Finding) => void
}

/** Makes a site, does all trials, as many at a time as there are programs, and removes everything. */
export async function examineFaults(options: SuiteOptions): Promise<readonly Finding[]> {
  const names = Array.from({ length: options.speakers }, (_, index) => `node-${index}`)
  const controllerNames = Array.from({ length: options.controllers }, (_, index) => `controller-${index}`)
  const site = await FaultSite.create(names)
  let hasFailed = true
  try {
    const { cluster, fabric } = site.speakers
    const place = { namespace: fabric.router, address: routerAddress.ipv4, protocols: options.protocols }
    const proxies = await startProxies(cluster, place, [...names, ...controllerNames])
    await site.fill(options.fillers)
    const record = await watchServices(cluster)
    const [speakers, controllers] = await Promise.all([
      Promise.all(names.map((name) => startSpeakerSubject(site, proxies, name))),
      Promise.all(
        controllerNames.map((_, index) =>
          startControllerSubject({ cluster, proxies, netns: fabric.client }, record, index),
        ),
      ),
    ])
    const findings = (
      await Promise.all([
        share(speakers, options.plan.speakers, options),
        share(controllers, options.plan.controllers, options),
      ])
    ).flat()
    hasFailed = findings.some(({ problem }) => problem !== undefined)
    record.close()
    proxies.close()
    return findings
  } finally {
    await site.close(hasFailed)
  }
}

/** Whoever is free takes the next trial. */
async function share(
  subjects: readonly Subject[],
  trials: readonly Trial[],
  { lastsMs, found }: SuiteOptions,
): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  const left = [...trials]
  const work = async (subject: Subject): Promise<void> => {
    for (let trial = left.shift(); trial !== undefined; trial = left.shift()) {
      const finding = await examine(subject, trial, { lastsMs })
      found(finding)
      findings.push(finding)
    }
  }
  await Promise.all(subjects.map(work))
  return findings
}

export const findingText = ({ subject, trial, recoveryMs, problem }: Finding): string =>
  problem === undefined
    ? `✔ ${trial} (${subject}): ${(recoveryMs / 1000).toFixed(1)} s`
    : `✘ ${trial} (${subject}): ${problem}`
