// How fast BFD at 50 ms x 3 finds a cut path, and whether load makes it find one that is not there: Holdfast, FRR and BIRD side by
// side, each watching the same peer over the same switch, whose port to the peer is cut for all three at once.
// Usage: node bench/bfd/run.ts [--cuts 100] [--minutes 10]
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { eventually } from '../../lab/harness/eventually.ts'
import { BirdBfd } from '../../lab/bfd/bird.ts'
import { bfdLabSkip } from '../../lab/bfd/capability.ts'
import { FrrBfd } from '../../lab/bfd/frr.ts'
import { HoldfastBfd } from '../../lab/bfd/holdfast.ts'
import { loadAllCores } from '../../lab/bfd/load.ts'
import { Segment, type Machine } from '../../lab/bfd/segment.ts'
import { fastConfig } from '../../lab/bfd/speaker-file.ts'
import { Cutter } from './cutter.ts'
import { distributionOf } from './percentiles.ts'
import { toMarkdown, type BfdResults, type Falls } from './report.ts'

const { values } = parseArgs({
  options: { cuts: { type: 'string', default: '100' }, minutes: { type: 'string', default: '10' } },
})
const cuts = Number(values.cuts)
const minutes = Number(values.minutes)
const skip = bfdLabSkip()
if (skip !== false) throw new Error(`bench bfd: ${skip}`)

/** One of the three that are compared: what it saw of the peer, by the wall clock in milliseconds. */
interface Detector {
  readonly name: string
  readonly machine: Machine
  readonly downs: () => readonly number[]
  readonly ups: () => readonly number[]
}

const startLoad = loadavg()[0] ?? 0
const patient = { timeoutMs: 60_000 }
const segment = await Segment.create()
process.on('SIGINT', () => process.exit(130))
async function measure(): Promise<BfdResults> {
  const peer = await segment.add('peer', 1)
  const machines = {
    holdfast: await segment.add('holdfast', 11),
    frr: await segment.add('frr', 12),
    bird: await segment.add('bird', 13),
  }
  const all = Object.values(machines)
  const birdTimers = 'interface "*" { interval 50 ms; idle tx interval 1 s; multiplier 3; };'
  const watched = await BirdBfd.start(segment.lab, peer, {
    name: 'watched',
    lines: [birdTimers, ...all.map(({ ipv4 }) => `neighbor ${ipv4} dev "eth0" local ${peer.ipv4};`)],
  })
  const frrLines = ['  receive-interval 50', '  transmit-interval 50', '  detect-multiplier 3', '  no shutdown']
  const frr = await FrrBfd.start(segment.lab, machines.frr, {
    name: 'frr',
    lines: [` peer ${peer.ipv4}`, ...frrLines],
    isAhead: false,
  })
  const bird = await BirdBfd.start(segment.lab, machines.bird, {
    name: 'bird',
    lines: [birdTimers, `neighbor ${peer.ipv4} dev "eth0" local ${machines.bird.ipv4};`],
    isAhead: false,
  })
  const others: readonly Detector[] = [
    { name: 'FRR', machine: machines.frr, downs: () => frr.downs(peer.ipv4), ups: () => frr.ups(peer.ipv4) },
    { name: 'BIRD', machine: machines.bird, downs: () => bird.downs(peer.ipv4), ups: () => bird.ups(peer.ipv4) },
  ]
  const cutter = new Cutter(segment.switchNamespace, peer.port)
  try {
    const idle = holdfastOn(machines.holdfast, peer, 'holdfast-idle', [])
    const idleTimes = await detect(cutter, [idle, ...others], 'idle')
    await idle.end()
    const busy = holdfastOn(machines.holdfast, peer, 'holdfast-busy', ['--block', '200'])
    const endLoad = loadAllCores()
    try {
      const loadedTimes = await detect(cutter, [busy, ...others], 'loaded')
      const falls = await watch([busy, ...others], watched)
      return { ...surroundings(), cuts, minutes, idle: idleTimes, loaded: loadedTimes, falls }
    } finally {
      endLoad()
    }
  } finally {
    cutter.end()
  }
}

function holdfastOn(
  machine: Machine,
  peer: Machine,
  name: string,
  args: readonly string[],
): Detector & { readonly end: () => Promise<void> } {
  const sessions = [{ name: 'peer', remote: peer.ipv4, config: fastConfig }]
  const started = HoldfastBfd.start(segment.lab, machine, { name, sessions, args: ['--quiet', ...args] })
  const times = (to: string) => (): readonly number[] =>
    started
      .changes('peer')
      .filter((change) => change.to === to && (to === 'up' || change.from === 'up'))
      .map(({ wallMs }) => wallMs)
  const end = async (): Promise<void> => {
    await started.process.stop()
  }
  return { name: 'Holdfast', machine, downs: times('down'), ups: times('up'), end }
}

/** Cut after cut: how long each took to notice. */
async function detect(cutter: Cutter, detectors: readonly Detector[], phase: string): Promise<BfdResults['idle']> {
  const times = new Map(detectors.map(({ name }) => [name, [] as number[]]))
  await allUp(detectors)
  for (let round = 1; round <= cuts; round += 1) {
    // Poll Sequences are over by then, and the moment has nothing to do with that of the last packets.
    await pause(1500 + Math.random() * 100)
    await allUp(detectors)
    const before = detectors.map(({ downs }) => downs().length)
    const cutMs = cutter.cut()
    await eventually(
      'all have noticed',
      () => detectors.map(({ downs }) => downs().length),
      (counts) => {
        if (counts.some((count, index) => count <= (before[index] ?? 0))) throw new Error('not yet')
      },
      patient,
    )
    detectors.forEach(({ name, downs }) => {
      // One that had fallen by itself just before has nothing to find.
      const found = downs().find((downMs) => downMs >= cutMs - 1)
      if (found !== undefined) times.get(name)?.push(found - cutMs)
    })
    cutter.mend()
    if (round % 10 === 0) process.stderr.write(`${phase}: ${round} of ${cuts} cuts\n`)
  }
  await allUp(detectors)
  return Object.fromEntries([...times].map(([name, measured]) => [name, distributionOf(measured)]))
}

/** More ups than downs: each is up now. */
const allUp = (detectors: readonly Detector[]): Promise<readonly boolean[]> =>
  eventually(
    'all are up',
    () => detectors.map(({ downs, ups }) => (ups().at(-1) ?? 0) > (downs().at(-1) ?? 0)),
    (states) => {
      if (!states.every(Boolean)) throw new Error('not yet')
    },
    patient,
  )

/** Nothing is cut: every fall is a false one, at the detector or, where it was silent for too long, at the peer. */
async function watch(detectors: readonly Detector[], watched: BirdBfd): Promise<Readonly<Record<string, Falls>>> {
  await pause(3000)
  await allUp(detectors)
  const count = (): readonly Falls[] =>
    detectors.map(({ downs, machine }) => ({ own: downs().length, peer: watched.downs(machine.ipv4).length }))
  const before = count()
  for (let minute = 0; minute < minutes; minute += 1) {
    await pause(Math.min(1, minutes - minute) * 60_000)
    process.stderr.write(`load: ${minute + 1} of ${minutes} minutes\n`)
  }
  const after = count()
  return Object.fromEntries(
    detectors.map(({ name }, index) => [
      name,
      {
        own: (after[index]?.own ?? 0) - (before[index]?.own ?? 0),
        peer: (after[index]?.peer ?? 0) - (before[index]?.peer ?? 0),
      },
    ]),
  )
}

function surroundings(): Pick<BfdResults, 'machine' | 'date' | 'versions' | 'loadBefore'> {
  const version = (file: string): string => {
    const { stdout, stderr } = spawnSync(file, ['--version'], { encoding: 'utf8' })
    return `${stdout}${stderr}`.split('\n')[0]?.trim() ?? ''
  }
  return {
    machine: `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Linux ${release().replace(/^(\d+\.\d+).*/, '$1')}, Node ${process.version}`,
    date: new Date().toISOString().slice(0, 10),
    versions: { FRR: version('/usr/lib/frr/bfdd'), BIRD: version('/usr/sbin/bird') },
    loadBefore: startLoad,
  }
}

try {
  const results = await measure()
  process.stdout.write(toMarkdown(results))
  const folder = join(import.meta.dirname, '..', 'results')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'bfd.json'), `${JSON.stringify(results, undefined, 2)}\n`)
  writeFileSync(join(folder, 'bfd.md'), toMarkdown(results))
} finally {
  segment.lab.close()
}
process.exit()
