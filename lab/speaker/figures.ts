// Figures of one speaker in front of a real API server and FRR:
//
//   node lab/speaker/figures.ts [Services]        1000 unless given; as root
//
// start: from the start of the process until FRR has the last prefix, with and without a last known state.
// change: from the request that makes an endpoint not ready until the speaker has withdrawn its route (by its log, which comes after).
import { readFileSync } from 'node:fs'
import { eventually } from '../harness/eventually.ts'
import { Fabric, routerAddress } from '../harness/fabric.ts'
import { FrrRouter } from '../harness/frr.ts'
import { paths, SpeakerSite } from './site.ts'

const count = Number(process.argv[2] ?? 1000)
const samples = 40
const patient = { timeoutMs: 300_000 }

const fabric = await Fabric.create(['node-a'])
const { ipv4 } = fabric.node('node-a')
const neighbor = { address: ipv4, remoteAsn: 64500, families: ['ipv4'] as const, isPassive: true, holdTimeSeconds: 9 }
const frr = await FrrRouter.start(fabric.lab, fabric.router, {
  asn: 64512,
  routerId: '10.0.0.1',
  neighbors: [neighbor],
  isListening: true,
})
const site = await SpeakerSite.create(fabric, frr)
await site.put(paths.pools, 'public', { addresses: ['10.64.0.0/12'] })
await site.put(paths.advertisements, 'public', {})
await site.put(paths.peers, 'router', {
  myASN: 64500,
  peerASN: 64512,
  peerAddress: routerAddress.ipv4,
  connectTime: '1s',
})

let next = 0
const worker = async (): Promise<void> => {
  for (let index = next++; index < count; index = next++) {
    const ip = `10.64.${(index >> 8) & 255}.${index & 255}`
    await site.putService(`service-${index}`, { ip, nodes: ['node-a'] })
  }
}
await Promise.all(Array.from({ length: 16 }, worker))

const started = async (what: string): Promise<void> => {
  const before = performance.now()
  const running = site.start('node-a', ['--log-level', 'info'])
  await eventually(
    'every prefix',
    async () => (await frr.show('show bgp ipv4 unicast summary json')).at('ribCount').numberOr(0),
    (prefixes) => {
      if (prefixes < count) throw new Error('not yet')
    },
    patient,
  )
  console.log(`${what}: ${Math.round(performance.now() - before)} ms until FRR has ${count} prefixes`)
  const status = readFileSync(`/proc/${running.pid}/status`, 'utf8')
  for (const name of ['VmRSS', 'VmHWM'])
    console.log(`  ${name} ${new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? '?'} kB`)
}
await started('first start')

const times: number[] = []
for (let sample = 0; sample < samples; sample += 1) {
  const name = `service-${sample * 3}`
  const before = Date.now()
  await site.api.merge(`${paths.slices}/${name}-1`, {
    endpoints: [{ addresses: ['10.244.0.1'], nodeName: 'node-a', conditions: { ready: false, serving: false } }],
  })
  const line = await eventually(
    `${name} is withheld`,
    () => site.log('node-a', 'withheld').find((one) => one.at('service').textOr('') === `default/${name}`),
    (found) => {
      if (found === undefined) throw new Error('not yet')
    },
  )
  times.push(Date.parse(line?.at('time').text() ?? '') - before)
}
times.sort((a, b) => a - b)
console.log(`change: ${times[times.length >> 1] ?? 0} ms median, ${times.at(-1) ?? 0} ms most, of ${samples}`)
// As a person ends it: every route goes, so that the next start has all of them to bring back.
site.speaker('node-a').signal('SIGINT')
await site.speaker('node-a').exited
await started('start with a last known state')
await site.cluster.stop()
fabric.lab.close()
