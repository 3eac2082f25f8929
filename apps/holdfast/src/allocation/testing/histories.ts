import type { RawObject } from '@holdfast/model'
import fc from 'fast-check'

/* Random histories of few Services, pools and namespaces: small and crowded, so that conflicts, sharing and re-use happen within some steps. */

const origin = { file: 'a test', lineOf: () => undefined }
const raw = (value: unknown): RawObject => ({ value, origin })

export type Settings = Readonly<Record<string, unknown>>

const serviceSettings: readonly Settings[] = [
  {},
  {},
  { spec: { ports: [{ port: 443 }] } },
  { spec: { type: 'ClusterIP' } },
  { spec: { loadBalancerClass: 'example.com/other' } },
  { spec: { clusterIPs: ['10.96.0.1', 'fd00:96::1'], ipFamilyPolicy: 'PreferDualStack' } },
  { annotations: { 'metallb.io/loadBalancerIPs': '10.0.0.2' } },
  { annotations: { 'metallb.universe.tf/address-pool': 'a' } },
  { annotations: { 'metallb.io/allow-shared-ip': 'key' } },
  { labels: { app: 'gold' } },
  { status: { loadBalancer: { ingress: [{ ip: '10.0.0.1' }] } } },
  { status: { loadBalancer: { ingress: [{ ip: '10.0.1.2' }] } } },
]

/** A Service as the API server has it; `uid` is another one where it was made anew. */
export const service = (name: string, { annotations, labels, spec, status }: Settings, uid = name): RawObject =>
  raw({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: 'shop',
      uid,
      ...(annotations === undefined ? {} : { annotations }),
      ...(labels === undefined ? {} : { labels }),
    },
    spec: { type: 'LoadBalancer', clusterIPs: ['10.96.0.1'], ports: [{ port: 80 }], ...(spec as object) },
    ...(status === undefined ? {} : { status }),
  })

const pool = (name: string, addresses: readonly string[], spec: Settings = {}): RawObject =>
  raw({
    apiVersion: 'metallb.io/v1beta1',
    kind: 'IPAddressPool',
    metadata: { name, namespace: 'metallb-system' },
    spec: { addresses, ...spec },
  })

const gold = { serviceAllocation: { serviceSelectors: [{ matchLabels: { app: 'gold' } }] } }
const ofTeam = { serviceAllocation: { namespaceSelectors: [{ matchLabels: { team: 'shop' } }] } }
export const poolSets: readonly (readonly RawObject[])[] = [
  [pool('a', ['10.0.0.0/30', 'fd00::/127'])],
  [pool('a', ['10.0.0.0/30', 'fd00::/127']), pool('b', ['10.0.1.2/32'], gold)],
  [pool('a', ['10.0.0.0/31']), pool('b', ['10.0.1.2/31'], ofTeam)],
  [pool('b', ['10.0.0.0/29'])],
  [],
]
const namespaces: readonly RawObject[] = [{}, { team: 'shop' }].map((labels) =>
  raw({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels } }),
)

export interface Step {
  readonly edits: readonly { readonly name: string; readonly to: number | undefined }[]
  readonly pools: number | undefined
  readonly namespace: number | undefined
}

const seldom = (most: number) =>
  fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(most) })

export const step: fc.Arbitrary<Step> = fc.record({
  edits: fc.array(
    fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      to: fc.option(fc.nat(serviceSettings.length - 1), { nil: undefined, freq: 3 }),
    }),
    { maxLength: 3 },
  ),
  pools: seldom(poolSets.length - 1),
  namespace: seldom(namespaces.length - 1),
})

/** Snapshots as a source makes them: what did not change is the same object. */
export function snapshotsOf(steps: readonly Step[]): readonly (readonly RawObject[])[] {
  const services = new Map<string, RawObject>()
  let made = 0
  let [pools, namespace] = [poolSets[0] ?? [], namespaces[0]]
  const edit = (name: string, to: number | undefined): void => {
    if (!services.has(name)) made += 1
    const uid = (services.get(name)?.value as { metadata: { uid: string } } | undefined)?.metadata.uid
    if (to === undefined) services.delete(name)
    else services.set(name, service(name, serviceSettings[to] ?? {}, uid ?? `${name} ${made}`))
  }
  return steps.map((one) => {
    for (const { name, to } of one.edits) edit(name, to)
    pools = one.pools === undefined ? pools : (poolSets[one.pools] ?? [])
    namespace = one.namespace === undefined ? namespace : namespaces[one.namespace]
    return [...services.values(), ...pools, ...(namespace === undefined ? [] : [namespace])]
  })
}
