import { createRandom } from '../../apps/holdfast/src/controller/testing/random.ts'
import type { Kind } from './kinds.ts'
import { kinds } from './kinds.ts'
import type { Trial } from './examine.ts'

const speakerResources = [
  'services',
  'endpointslices',
  'nodes',
  'ipaddresspools',
  'bgpadvertisements',
  'bgppeers',
  'secrets',
] as const
const controllerResources = ['services', 'addressblocks', 'ipaddresspools', 'namespaces'] as const

const isOfConnection = ({ connection }: Kind): boolean => connection !== undefined

/** Where a fault strikes: writes, everything (then the change is a new Service), or each of these resources. */
function targetsOf(kind: Kind, resources: readonly string[]): readonly string[] {
  if (kind.strikes === 'writes') return ['writes']
  return isOfConnection(kind) ? ['services'] : resources
}

const trialsOf = (resources: readonly string[]): readonly Trial[] =>
  kinds.flatMap((kind) => targetsOf(kind, resources).map((target) => ({ kinds: [kind], target })))

/** Every kind of fault at everything that a program follows or writes. */
export const wholePlan = { speakers: trialsOf(speakerResources), controllers: trialsOf(controllerResources) } as const

/** Every kind once for the speakers, at one resource after the other; and for the controllers those that could cost an address. */
export const shortPlan = {
  speakers: kinds
    .filter(({ needsPages }) => needsPages !== true)
    .map((kind, index): Trial => {
      const targets = targetsOf(kind, speakerResources)
      return { kinds: [kind], target: targets[index % targets.length] ?? '' }
    }),
  controllers: [
    ['empty list', 'services'],
    ['empty list', 'addressblocks'],
    ['empty list', 'ipaddresspools'],
    ['old list', 'services'],
    ['old list', 'addressblocks'],
    ['watch goes quiet', 'addressblocks'],
    ['410 to every list and watch', 'services'],
    ['answer to a write lost', 'writes'],
    ['409 to every write', 'writes'],
    ['500 to every write', 'writes'],
    ['packets lost', 'services'],
    ['nobody listens', 'services'],
  ].flatMap(([name, target = '']): readonly Trial[] =>
    kinds.filter((kind) => kind.name === name).map((kind) => ({ kinds: [kind], target })),
  ),
} as const

/** Two faults after each other, at the same resource, as the seed has them. */
export function randomPlan(seed: number, count: number): { speakers: readonly Trial[]; controllers: readonly Trial[] } {
  const { pick } = createRandom(seed)
  const ofReads = kinds.filter(({ strikes }) => strikes === 'reads')
  const pair = (resources: readonly string[]): Trial => ({
    kinds: [pick(ofReads), pick(ofReads)],
    target: pick(resources),
  })
  return {
    speakers: Array.from({ length: count }, () => pair(speakerResources)),
    controllers: Array.from({ length: Math.ceil(count / 2) }, () => pair(controllerResources)),
  }
}
