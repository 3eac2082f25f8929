// The whole way of a packet in a cluster: real controller, speakers, kube-proxy, router. The test is kubelet and endpoint slice
// controller, which makes Nodes and EndpointSlices.
//
//                              +-- node-a  10.0.0.11  kube-proxy, speaker --- pod-a  10.244.1.2
//   client ---- router ---- switch
//   10.0.1.2    10.0.0.1       +-- node-b  10.0.0.12  kube-proxy, speaker --- pod-b  10.244.2.2
//               FRR            +-- node-c  10.0.0.13  kube-proxy, speaker
//
// Both families everywhere. A pod answers with its name and the address that it sees the client at.
//
// Claims:
//  1  A node whose kube-proxy is not there yet announces nothing; when it is, not one first segment is lost.
//  2  Cluster: every node announces and reaches a pod on another node; the pod sees a node's address. IPv4, IPv6, dual stack.
//  3  Local: only nodes with a pod announce, which are those whose healthCheckNodePort says so; the pod sees the client's address.
//  4  Local, a pod becomes not ready or terminates: connections go to the other node, and none is refused.
//  5  Cluster, a node is drained: no new connection is lost, neither then nor when the node goes away.
//  6  A node that leaves tells how many connections through it are left, and is safe to reboot when there is none.
//  7  Nor do those keep it that the router moved to another node and that the client ended there: they are silent, and told so.
import assert from 'node:assert/strict'
import { before, after, describe, test } from 'node:test'
import { clusterSkip } from '../cluster/capability.ts'
import type { Pod } from '../cluster/kube-node.ts'
import { labSkip } from '../harness/capability.ts'
import { eventually, throughout } from '../harness/eventually.ts'
import { familyOf } from '../harness/frr.ts'
import { routerAsn, useSite } from '../harness/site.ts'
import type { Arrivals } from './clients.ts'
import { holdConnections, startArrivals } from './clients.ts'
import { KubeProxySite, kubeProxyHealth } from './site.ts'

const nodeAsn = 64500
const everywhere = ['node-a', 'node-b', 'node-c'] as const
const client = { ipv4: '10.0.1.2', ipv6: 'fd00:0:0:2::2' } as const
/** What pod-b answers connections that came through the nodes, in their order, of policy Cluster. */
const throughEach = {
  ipv4: ['pod-b 10.0.0.11', 'pod-b 10.244.2.1', 'pod-b 10.0.0.13'],
  ipv6: ['pod-b fd00:0:0:1::11', 'pod-b fd00:10:244:2::1', 'pod-b fd00:0:0:1::13'],
} as const
const patient = { timeoutMs: 30_000 }
const ready = { ready: true, serving: true, terminating: false }
const notReady = { ready: false, serving: false, terminating: false }
const terminating = { ready: false, serving: true, terminating: true }

describe('Holdfast beside kube-proxy', { skip: labSkip() || clusterSkip('kube-proxy'), timeout: 300_000 }, () => {
  const lab = useSite({ nodes: everywhere, nodeAsn, holdTimeSeconds: 9 })
  let made: KubeProxySite | undefined
  let site: KubeProxySite
  let podA: Pod
  let podB: Pod

  before(async () => {
    site = made = await KubeProxySite.create(lab().fabric)
    await site.configure(nodeAsn, routerAsn)
    site.startController()
    site.startSpeaker('node-a')
    site.startSpeaker('node-b', ['--connection-silence', '3'])
    const proxies = [site.startKubeProxy('node-a'), site.startKubeProxy('node-b')] as const
    ;[podA, podB] = await Promise.all([site.addPod('node-a', 'pod-a'), site.addPod('node-b', 'pod-b'), ...proxies])
  })
  after(async () => {
    await made?.cluster.stop()
  })

  const condition = async (node: string, type: string): Promise<string> => {
    const conditions = (await site.nodeState(node)).at('conditions').list()
    const found = conditions.find((one) => one.at('type').text() === type)
    return `${found?.at('status').text() ?? ''} ${found?.at('reason').text() ?? ''}`
  }

  test('a speaker that comes before kube-proxy announces once kube-proxy has its rules, and no connection is lost', async (context) => {
    const [vip = ''] = await site.createService('early', { policy: 'Cluster', families: ['IPv4'], pods: [podB] })
    await lab().announcedBy(vip, ['node-a', 'node-b'], patient)
    site.startSpeaker('node-c', ['--kube-proxy-health', kubeProxyHealth])
    await eventually(
      'node-c says what it waits for',
      () => condition('node-c', 'Announcing'),
      (seen) => assert.equal(seen, 'False KubeProxyNotReady'),
      patient,
    )
    await lab().established(['node-c'], patient)
    await throughout(
      'node-c announces nothing',
      () => lab().nextHops(vip),
      ({ bgpd }) => assert.deepEqual(bgpd, ['10.0.0.11', '10.0.0.12']),
      { timeoutMs: 1000 },
    )
    const seen = await during(vip, async () => {
      await site.startKubeProxy('node-c', 2)
      await lab().announcedBy(vip, everywhere, patient)
      await site.reaches(vip, throughEach.ipv4)
    })
    context.diagnostic(told(seen))
    assertNoneLost(seen)
    const [opened] = site.log('node-c', 'kubeProxyReady')
    assert.equal(opened?.at('level').text(), 'info', 'the wait was not given up')
  })

  for (const families of [['IPv4'], ['IPv6'], ['IPv4', 'IPv6']] as const) {
    const name = families.join('-').toLowerCase()

    test(`Cluster, ${families.join(' and ')}: every node announces, and the pod on another node sees a node's address`, async () => {
      const addresses = await site.createService(`cluster-${name}`, { policy: 'Cluster', families, pods: [podB] })
      assert.deepEqual(familiesOf(addresses), families)
      for (const address of addresses) {
        await lab().announcedBy(address, everywhere, patient)
        await site.reaches(address, throughEach[familyOf(address)])
      }
    })

    test(`Local, ${families.join(' and ')}: nodes with a pod announce, and the pod sees the client's address`, async () => {
      const service = `local-${name}`
      const addresses = await site.createService(service, { policy: 'Local', families, pods: [podA, podB] })
      assert.deepEqual(familiesOf(addresses), families)
      for (const address of addresses) {
        await lab().announcedBy(address, ['node-a', 'node-b'], patient)
        const source = client[familyOf(address)]
        await site.reaches(address, [`pod-a ${source}`, `pod-b ${source}`])
      }
      for (const family of addresses.map(familyOf)) {
        await eventually(
          'healthCheckNodePort says the same',
          () => site.health(service, family),
          (statuses) => assert.deepEqual(statuses, [200, 200, 503]),
        )
      }
    })
  }

  /** A client goes on opening connections while `happen` does; tells what came of them. */
  const during = async (address: string, happen: () => Promise<void>): Promise<Arrivals> => {
    const arrivals = await startArrivals(lab().fabric, address)
    try {
      await happen()
    } finally {
      arrivals.end()
    }
    return arrivals.ended()
  }

  describe('Local, of two nodes with a pod one', () => {
    const both = [`pod-a ${client.ipv4}`, `pod-b ${client.ipv4}`]
    let vip = ''

    const moves = async (to: readonly string[], answers: readonly string[]): Promise<void> => {
      await lab().announcedBy(vip, to, patient)
      await site.reaches(vip, answers)
    }
    before(async () => {
      ;[vip = ''] = await site.createService('moved', { policy: 'Local', families: ['IPv4'], pods: [podA, podB] })
      await moves(['node-a', 'node-b'], both)
    })

    test('becomes not ready and ready again: connections go to the other and come back, none is refused', async (context) => {
      const seen = await during(vip, async () => {
        await site.setEndpoint('moved', podA, notReady)
        await moves(['node-b'], [`pod-b ${client.ipv4}`])
        await site.setEndpoint('moved', podA, ready)
        await moves(['node-a', 'node-b'], both)
      })
      context.diagnostic(told(seen))
      assert.equal(seen.refused, 0, told(seen))
    })

    test('terminates: its node announces and serves until the pod is gone, and no connection is refused', async (context) => {
      const seen = await during(vip, async () => {
        await site.setEndpoint('moved', podA, terminating)
        await eventually(
          'kube-proxy knows',
          () => site.health('moved', 'ipv4'),
          (statuses) => assert.deepEqual(statuses, [503, 200, 503]),
        )
        await moves(['node-a', 'node-b'], both)
        await site.setEndpoint('moved', podA)
        await moves(['node-b'], [`pod-b ${client.ipv4}`])
      })
      context.diagnostic(told(seen))
      assert.equal(seen.refused, 0, told(seen))
    })
  })

  test('a drained node is safe to go away: no new connection is lost from the drain until it announces again', async (context) => {
    const [vip = ''] = await site.createService('drained', { policy: 'Cluster', families: ['IPv4'], pods: [podB] })
    await site.reaches(vip, throughEach.ipv4)
    const seen = await during(vip, async () => {
      assert.match(await site.holdfast('drain', 'node-a', '--wait', '--timeout', '30'), /safe to reboot/)
      const paths = await lab().frr.paths(`${vip}/32`)
      assert.deepEqual(
        paths.map(({ nextHop }) => nextHop),
        ['10.0.0.12', '10.0.0.13'],
      )
      await lab().fabric.cut('node-a')
      await site.reaches(vip, throughEach.ipv4.slice(1))
      await lab().fabric.mend('node-a')
      assert.match(await site.holdfast('undrain', 'node-a', '--wait', '--timeout', '30'), /announces again/)
      await lab().announcedBy(vip, everywhere, patient)
      await site.reaches(vip, throughEach.ipv4)
    })
    context.diagnostic(told(seen))
    assertNoneLost(seen)
  })

  /** Waits until a node's speaker says this: phase, connections, condition SafeToReboot. */
  const leavingSays = (node: string, wanted: string): Promise<string> =>
    eventually(
      `${node} says: ${wanted}`,
      async () => {
        const { phase, remaining } = await site.drainOf(node)
        return `${phase} ${remaining ?? 'uncounted'}; ${await condition(node, 'SafeToReboot')}`
      },
      (seen) => assert.equal(seen, wanted),
      patient,
    )

  test('a node that leaves counts the connections through it, and is safe to reboot when there is none', async () => {
    const families = ['IPv4', 'IPv6'] as const
    const [ipv4 = '', ipv6 = ''] = await site.createService('held', { policy: 'Local', families, pods: [podA] })
    for (const address of [ipv4, ipv6]) {
      await lab().announcedBy(address, ['node-a'], patient)
      await site.reaches(address, [`pod-a ${client[familyOf(address)]}`])
    }
    const outside = [
      await holdConnections(lab().fabric, lab().fabric.client, { address: ipv4, count: 2 }),
      await holdConnections(lab().fabric, lab().fabric.client, { address: ipv6, count: 3 }),
    ]
    const inside = await holdConnections(lab().fabric, podA.namespace, { address: ipv4, count: 1 })
    const leavesWith = (wanted: string): Promise<string> => leavingSays('node-a', wanted)

    await site.holdfast('drain', 'node-a')
    await leavesWith('HeldBack 6; False HeldBack')
    for (const one of outside) await one.stop()
    await leavesWith('HeldBack 1; False HeldBack')
    await site.setEndpoint('held', podB, ready)
    await leavesWith('Withdrawn 1; False ConnectionsRemain')
    await inside.stop()
    assert.match(await site.holdfast('drain', 'node-a', '--wait', '--timeout', '30'), /safe to reboot/)
    await leavesWith('Withdrawn 0; True NoConnections')
  })

  test('connections that the router moved and the client ended elsewhere do not keep a node from being safe to reboot', async (context) => {
    await site.holdfast('undrain', 'node-a', '--wait', '--timeout', '30')
    // Else node-b holds it back: there was no pod of it left on node-a.
    await site.setEndpoint('moved', podA, ready)
    const [vip = ''] = await site.createService('silent', {
      policy: 'Local',
      families: ['IPv4'],
      pods: [podA, podB],
    })
    await lab().announcedBy(vip, ['node-a', 'node-b'], patient)
    await site.reaches(vip, [`pod-a ${client.ipv4}`, `pod-b ${client.ipv4}`])
    const held = await holdConnections(lab().fabric, lab().fabric.client, { address: vip, count: 12 })
    const through = held.output().match(/pod-b/g)?.length ?? 0
    assert.ok(through > 0, held.output())
    const waiting = site.holdfast('drain', 'node-b', '--wait', '--timeout', '40')
    await lab().announcedBy(vip, ['node-a'], patient)
    // What ends them comes to node-a, which knows nothing of them: node-b goes on counting them.
    await held.stop()
    const told = await waiting
    context.diagnostic(told)
    assert.match(
      told,
      new RegExp(`safe to reboot: nothing is announced; ${through} connections? ha\\w+ been silent for over 3 s`),
    )
    await leavingSays('node-b', `Withdrawn ${through}; True SilentConnectionsOnly`)
    await site.holdfast('undrain', 'node-b', '--wait', '--timeout', '30')
  })
})

const familiesOf = (addresses: readonly string[]): readonly string[] =>
  addresses.map((address) => (familyOf(address) === 'ipv6' ? 'IPv6' : 'IPv4'))

function assertNoneLost(seen: Arrivals): void {
  assert.equal(seen.refused, 0, told(seen))
  assert.equal(seen.repeats, 0, told(seen))
}

function told({ answers, refused, broken, repeats, errors }: Arrivals): string {
  const count = [...answers.values()].reduce((sum, one) => sum + one, 0)
  return `${count} answered, ${refused} refused, ${broken} broken, ${repeats} first segments repeated ${errors.join(', ')}`
}
