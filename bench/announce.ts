import { createAnnouncer, planNode } from '@holdfast/announce'
import type { AnnounceInput } from '@holdfast/announce'
import {
  advertisement,
  allocated,
  endpoint,
  inputOf,
  node,
  peer,
  pool,
  service,
  slice,
  standard,
} from '../packages/announce/src/testing/build.ts'

const repetitions = 15
const sizes = [10, 1_000, 10_000]
const poolCount = 10

/** `count` Services over ten pools, each with one EndpointSlice; two BGPPeers, one BGPAdvertisement. */
function inputWith(count: number): AnnounceInput {
  const indexes = Array.from({ length: count }, (_, index) => index)
  return inputOf('node-a', {
    pools: Array.from({ length: poolCount }, (_, index) => pool(`pool-${index}`, [`10.${index}.0.0/16`])),
    advertisements: [advertisement('all', { communities: [standard(64512, 1)], localPref: 200 })],
    peers: [peer('router-a', '192.0.2.1'), peer('router-b', '192.0.2.2')],
    nodes: [node('node-a')],
    services: indexes.map((index) => {
      const place = Math.floor(index / poolCount)
      return allocated(
        service(`service-${index}`),
        `10.${index % poolCount}.${place >> 8}.${place & 255} pool-${index % poolCount}`,
      )
    }),
    slices: indexes.map((index) =>
      slice(
        `slice-${index}`,
        `service-${index}`,
        ['node-a', 'node-b', 'node-c'].map((name) => endpoint(name)),
      ),
    ),
  })
}

/** The same input as a source delivers it after one change: new collections, the same objects but for one slice. */
function withOneChange(input: AnnounceInput, round: number): AnnounceInput {
  const name = `service-${Math.floor(input.services.length / 2)}`
  const changed = slice(name.replace('service', 'slice'), name, [endpoint('node-b', { isHealthy: round % 2 === 1 })])
  const endpointSlices = new Map(input.model.endpointSlices).set(`default/${changed.meta.ref.name}`, changed)
  const { pools, peers, advertisements, nodes } = input.model
  return {
    ...input,
    model: {
      ...input.model,
      endpointSlices,
      pools: new Map(pools),
      peers: new Map(peers),
      advertisements: new Map(advertisements),
      nodes: new Map(nodes),
    },
    services: input.services.map((one) => ({ ...one })),
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

function milliseconds(work: () => void): number {
  const start = performance.now()
  work()
  return performance.now() - start
}

console.log(`announce: medians of ${repetitions} runs`)
for (const size of sizes) {
  const input = inputWith(size)
  const full = Array.from({ length: repetitions }, () => milliseconds(() => planNode(input)))
  const announce = createAnnouncer()
  announce(input)
  const changes = Array.from({ length: repetitions }, (_, round) => withOneChange(input, round))
  const one = changes.map((change) => milliseconds(() => announce(change)))
  console.log(
    `${size} Services: full plan ${median(full).toFixed(2)} ms, one changed EndpointSlice ${median(one).toFixed(2)} ms`,
  )
}
