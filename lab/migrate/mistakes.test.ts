// What docs/operate/migrate-from-metallb.md warns of, done all the same: Holdfast's controllers are started while MetalLB's goes on.
//
// Claims:
//  1  While nobody changes anything, they do not fight: Services come to rest as they are. `holdfast status` and `holdfast lint` tell.
//  2  Services that have their addresses keep them, and their routes, while others come and go.
//  3  New Services get addresses. Either of the two may take them for its own and move them, over and over, as long as both are there.
//  4  When MetalLB's controller is stopped, all comes to rest: no address is given twice, and it is the one that Holdfast has granted. Nothing
//     tells of two any more.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { clusterSkip } from '../cluster/capability.ts'
import { labSkip } from '../harness/capability.ts'
import { eventually } from '../harness/eventually.ts'
import { Json } from '../harness/json.ts'
import { changesSince } from './checks.ts'
import { blocksBelow } from './page.ts'
import { metallbSkip } from './programs.ts'
import type { ServiceRecord } from '../cluster/service-record.ts'
import { namespace, nodes } from './site.ts'
import { useMigrateSite } from './use-site.ts'

const skip = metallbSkip() || labSkip() || clusterSkip('helm')
const blocksPath = `/apis/holdfast.dev/v1alpha1/namespaces/${namespace}/addressblocks`

const widePool = `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: wide, namespace: ${namespace} }
spec: { addresses: [198.19.0.0/24] }`
const namesOf = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`)

describe('both controllers at once', { skip, timeout: 300_000 }, () => {
  const site = useMigrateSite()
  let services: ServiceRecord
  let given: ReadonlyMap<string, string>

  const speakers = nodes.map((node) => `speaker@${node}`)
  const ours = ['holdfast-controller#0', 'holdfast-controller#1']
  const writes = (): number => [...services.writes().values()].reduce((sum, one) => sum + one, 0)
  /** Until no Service has been written for three seconds. */
  async function rest(): Promise<void> {
    let last = { count: -1, sinceMs: 0 }
    await eventually(
      'no Service is written any more',
      () => {
        const count = writes()
        if (count !== last.count) last = { count, sinceMs: performance.now() }
        return performance.now() - last.sinceMs
      },
      (quietMs) => assert.ok(quietMs > 3000),
      { timeoutMs: 20_000 },
    )
  }
  /** By Service, what the AddressBlocks grant. */
  const granted = async (): Promise<ReadonlyMap<string, string>> => {
    const blocks = (await site().cluster.client().get(blocksPath)).at('items').list()
    const pairs = blocks
      .map((block) => block.at('spec').at('addresses'))
      .flatMap((addresses) =>
        addresses.keys().flatMap((address) =>
          Json.parse(addresses.at(address).text())
            .at('holders')
            .list()
            .map((holder) => [`${holder.at('namespace').text()}/${holder.at('name').text()}`, address] as const),
        ),
      )
    return new Map(
      [...Map.groupBy(pairs, ([name]) => name)]
        .map(
          ([name, some]) =>
            [
              name,
              some
                .map(([, address]) => address)
                .sort()
                .join(),
            ] as const,
        )
        .sort(([a], [b]) => a.localeCompare(b)),
    )
  }
  const agreed = (count: number): Promise<unknown> =>
    eventually(
      'statuses and blocks say the same, and no address is given twice',
      async () => ({ said: await site().addresses(), held: await granted() }),
      ({ said, held }) => {
        assert.equal(said.size, count)
        const sorted = [...said].map(([name, text]) => [name, text.split(',').sort().join()] as const)
        assert.deepEqual(Object.fromEntries(sorted), Object.fromEntries(held))
        const alone = [...said].filter(([name]) => !name.includes('/dns-')).flatMap(([, text]) => text.split(','))
        assert.equal(new Set(alone).size, alone.length)
      },
      { timeoutMs: 30_000 },
    )

  const haveHadAddresses = (names: readonly string[]): Promise<unknown> =>
    eventually(
      'all have had an address',
      () => names.filter((name) => !services.seen().has(`default/${name}`)),
      (missing) => assert.deepEqual(missing, []),
      { timeoutMs: 60_000 },
    )
  /** Which of MetalLB's controllers `holdfast status` names, and whether `holdfast lint` finds two. */
  async function told(): Promise<readonly [readonly string[], boolean]> {
    const status = Json.parse(await site().shell.run('holdfast status -o json'))
    const lint = Json.parse(await site().shell.run('holdfast lint -o json || test $? = 4'))
    const rivals = status.at('rivals').list()
    const codes = lint.at('findings').list()
    return [rivals.map((one) => one.text()), codes.some((one) => one.at('code').text() === 'two-controllers')]
  }

  test('while nobody changes anything, they do not fight, and that there are two is told', async () => {
    given = await site().addresses()
    services = await site().watchServices()
    // Step 4 without its first command.
    const [, ...webhooks] = blocksBelow('4.')[0]?.script.split('\n') ?? []
    await site().shell.run(webhooks.join('\n'))
    const blocks = blocksBelow('5.').filter(({ marks, notRun }) => !notRun && !marks.includes('controller'))
    await site().shell.follow(blocks)
    await site().kubelet.runs(['controller#0', ...ours, ...speakers])
    await agreed(given.size)
    await rest()
    assert.deepEqual(services.violations(), [])
    assert.deepEqual(await told(), [['Deployment metallb-system/controller'], true])
  })

  test('Services come and go: those that were there keep what they have', async () => {
    const begin = { tor: site().tor.routes.changes().length, core: site().core.routes.changes().length }
    const prefixes = new Set([...site().tor.routes.present().keys(), ...site().core.routes.present().keys()])
    for (const round of [1, 2]) {
      const names = namesOf(`both-${round}`, 8)
      await Promise.all(names.map((name) => site().create([{ name }])))
      await haveHadAddresses(names)
      if (round === 1) await site().cluster.kubectl(['delete', 'service', ...names])
    }
    const now = await site().addresses()
    for (const [name, address] of given) assert.equal(now.get(name), address, name)
    const old = services.violations().filter((line) => !line.startsWith('default/both-'))
    assert.deepEqual(old, [])
    for (const [name, router] of [
      ['tor', site().tor],
      ['core', site().core],
    ] as const) {
      const touched = [...changesSince(router, begin[name]).keys()].filter((prefix) => prefixes.has(prefix))
      assert.deepEqual(touched, [], name)
    }
  })

  test('while they fight for many, MetalLB’s controller is stopped, and all comes to rest', async (t) => {
    await site().shell.run(`kubectl apply -f - <<.\n${widePool}\n.`)
    const names = namesOf('both-many', 40)
    await site().create(names.map((name) => ({ name })))
    await haveHadAddresses(names)
    await site().shell.run('kubectl -n metallb-system scale "$CONTROLLER" --replicas=0')
    await site().kubelet.runs([...ours, ...speakers])
    await agreed(given.size + 48)
    await rest()
    assert.deepEqual(await told(), [[], false])
    const moves = services.violations().length
    t.diagnostic(`while both worked, ${moves} times a new Service lost an address that it had, or had one of another`)
    await site().create([{ name: 'alone' }])
    await agreed(given.size + 49)
    assert.equal(services.violations().length, moves)
    const now = await site().addresses()
    for (const [name, address] of given) assert.equal(now.get(name), address, name)
  })
})
