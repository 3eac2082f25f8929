import type { plan } from '@holdfast/ipam'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '../events.ts'
import type { World } from '../testing/world.ts'
import { createWorld, nodeAddresses, routerAddress, service, site } from '../testing/world.ts'

const local = '  externalTrafficPolicy: Local'

async function inWorld(
  options: Parameters<typeof createWorld>[0],
  run: (world: World) => Promise<void>,
): Promise<void> {
  const world = await createWorld(options)
  try {
    await run(world)
  } finally {
    await world.stop()
  }
  assert.equal(world.network.openEnds(), 0, 'no connection is left behind')
}

const last = (events: readonly Event[], kind: Event['event']): Event | undefined =>
  events.findLast(({ event }) => event === kind)

test('a Service is announced from every node, with each session’s own address as the next hop', () =>
  inWorld({ manifests: site + service('web', 'a') }, async ({ until, nextHops }) => {
    await until('three next hops', () => nextHops('192.0.2.10/32').length === 3)
    assert.deepEqual(nextHops('192.0.2.10/32'), ['10.0.0.11', '10.0.0.12', '10.0.0.13'])
  }))

test('only the sessions of the nodes that this process speaks for are opened', () =>
  inWorld(
    { manifests: site + service('web', 'a'), nodes: ['node-b'] },
    async ({ until, nextHops, establishedCount }) => {
      await until('a next hop', () => nextHops('192.0.2.10/32').length > 0)
      assert.deepEqual(nextHops('192.0.2.10/32'), ['10.0.0.12'])
      assert.equal(establishedCount(), 1)
    },
  ))

test('Nodes that another process may speak for are a reason to say that each allocates for itself', () =>
  inWorld({ manifests: site, nodes: ['node-b'] }, ({ events }) => {
    const notices = events.filter((event) => event.event === 'notice')
    assert.deepEqual(
      notices.map(({ code, message }) => [code, message.includes('(node-a, node-c)')]),
      [['severalHosts', true]],
    )
    return Promise.resolve()
  }))

test('with policy Local nodes with a ready endpoint announce, and the last endpoint takes the route along', () =>
  inWorld(
    { manifests: site + service('dns', 'ab', local) },
    async ({ until, nextHops, edit, events, establishedCount }) => {
      await until('two next hops', () => nextHops('192.0.2.10/32').length === 2)
      edit(site + service('dns', 'b', local))
      await until('one next hop', () => nextHops('192.0.2.10/32').join() === '10.0.0.12')
      edit(site + service('dns', '', local))
      await until('no next hop', () => nextHops('192.0.2.10/32').length === 0)
      const withheld = last(events, 'withheld')
      assert.equal(withheld?.event === 'withheld' && withheld.reason, 'noLocalEndpoints')
      assert.equal(establishedCount(), 3, 'no session was reset')
    },
  ))

test('a broken edit is told with its line, and everything stays announced', () =>
  inWorld({ manifests: site + service('web', 'a') }, async ({ until, nextHops, edit, events }) => {
    await until('three next hops', () => nextHops('192.0.2.10/32').length === 3)
    edit(
      site.replace('192.0.2.10-192.0.2.20', '192.0.2.30-192.0.2.20').replace('peerASN: 64500', 'peerASN: no') +
        service('web', 'a'),
    )
    await until('the faults are told', () => events.filter(({ event }) => event === 'fault').length >= 2)
    assert.deepEqual(nextHops('192.0.2.10/32'), ['10.0.0.11', '10.0.0.12', '10.0.0.13'])
    const fault = events.find(
      (event) => event.event === 'fault' && event.object === 'IPAddressPool metallb-system/public',
    )
    assert.ok(fault?.event === 'fault')
    assert.equal(fault.path, 'spec.addresses[0]')
    assert.equal(typeof fault.line, 'number')
    edit(site + service('web', 'a'))
    await until('the mending is told', () => events.filter(({ event }) => event === 'faultCleared').length >= 2)
  }))

test('edits reset only the session that they concern', () =>
  inWorld({ manifests: site + service('web', 'a') }, async ({ until, nextHops, edit, events, establishedCount }) => {
    await until('three next hops', () => nextHops('192.0.2.10/32').length === 3)
    const more = `---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: spare, namespace: metallb-system }
spec: { addresses: [198.51.100.0/24] }
`
    edit(site + more + service('web', 'a') + service('api', 'b'))
    await until('the second Service', () => nextHops('192.0.2.11/32').length === 3)
    assert.equal(establishedCount(), 3)
    // The first peerASN is that of node-a's peer. A hold time is part of OPEN, so that session has to start anew.
    edit(
      site.replace('peerASN: 64500', 'peerASN: 64500\n  holdTime: 30s') +
        more +
        service('web', 'a') +
        service('api', 'b'),
    )
    await until('one session came up again', () => establishedCount() === 4)
    await until('three next hops again', () => nextHops('192.0.2.10/32').length === 3)
    const closed = events.filter((event) => event.event === 'session' && event.state !== 'established')
    assert.deepEqual(
      closed.map((event) => event.event === 'session' && event.node),
      ['node-a'],
    )
    const again = last(events, 'session')
    assert.equal(again?.event === 'session' && again.negotiated?.holdTimeSeconds, 30)
  }))

test('a BGPPeer that is removed is told goodbye and its routes go; the others stay', () =>
  inWorld({ manifests: site + service('web', 'a') }, async ({ until, nextHops, edit, events, establishedCount }) => {
    await until('three next hops', () => nextHops('192.0.2.10/32').length === 3)
    const without = site.split('---').filter((document) => !document.includes('name: router-b'))
    edit(without.join('---') + service('web', 'a'))
    await until('two next hops', () => nextHops('192.0.2.10/32').length === 2)
    const neighbor = last(events, 'neighbor')
    assert.match((neighbor?.event === 'neighbor' && neighbor.message) || '', /Peer De-configured/)
    assert.equal(establishedCount(), 3)
  }))

test('a peer whose password is missing gets no session, and one that knows another gets none either', () =>
  inWorld(
    {
      manifests:
        site
          .replace('myASN: 64512', 'myASN: 64512\n  passwordSecret: { name: gone, namespace: metallb-system }')
          .replace(/(name: router-b,[^]*?)myASN: 64512/, '$1myASN: 64512\n  password: hunter2') + service('web', 'a'),
    },
    async ({ until, nextHops, events, establishedCount }) => {
      await until('the only one without a password', () => nextHops('192.0.2.10/32').length === 1)
      const held = events.find((event) => event.event === 'session' && event.node === 'node-a')
      assert.ok(held?.event === 'session')
      assert.equal(held.reason, 'notInForce')
      assert.match(held.message, /Secret/)
      await until('the other one fails', () =>
        events.some((event) => event.event === 'session' && event.node === 'node-b'),
      )
      assert.equal(establishedCount(), 1)
      assert.doesNotMatch(JSON.stringify(events), /hunter2/, 'a password is in no event')
    },
  ))

test('a wrong AS is refused with a reason that names both numbers', () =>
  inWorld({ manifests: site, routerAsn: 64_999 }, async ({ until, events }) => {
    await until('the refusal is told', () =>
      events.some((event) => event.event === 'session' && event.reason === 'badPeerAs'),
    )
    const session = events.find((event) => event.event === 'session' && event.reason === 'badPeerAs')
    assert.match((session?.event === 'session' && session.message) || '', /64999.*64500/)
    await until('the router tells too', () =>
      events.some((event) => event.event === 'neighbor' && event.message.includes('Bad Peer AS')),
    )
  }))

test('a dead link is noticed by the hold timer, and the session returns with its routes when the link does', () =>
  inWorld(
    { manifests: site.replace('peerASN: 64500', 'peerASN: 64500\n  holdTime: 9s') + service('web', 'a') },
    async ({ until, nextHops, network, events }) => {
      await until('three next hops', () => nextHops('192.0.2.10/32').length === 3)
      network.setLink(nodeAddresses['node-a'], routerAddress, 'silent')
      await until('the node notices', () =>
        events.some((event) => event.event === 'session' && event.reason === 'holdTimerExpired'),
      )
      await until('the router does too', () => nextHops('192.0.2.10/32').length === 2)
      network.setLink(nodeAddresses['node-a'], routerAddress, 'open')
      await until('all are back', () => nextHops('192.0.2.10/32').length === 3)
    },
  ))

test('after a restart every Service has the address that it had, whatever the order of the files', async () => {
  const names = Array.from({ length: 11 }, (_, index) => `web-${index}`)
  const services = (order: readonly string[]): string => order.map((name) => service(name, 'a')).join('')
  let held = new Map<string, readonly string[]>()
  const heldIn = (events: readonly Event[]): Map<string, readonly string[]> =>
    new Map(events.flatMap((event) => (event.event === 'service' ? [[event.service, event.addresses]] : [])))
  // A full pool: eleven addresses, and one Service more that waits.
  await inWorld({ manifests: site + services(names) + service('a-late-one', 'a') }, async ({ until, events }) => {
    await until('all hold', () => heldIn(events).size === 12)
    held = heldIn(events)
  })
  const restored = stateOf(held)
  await inWorld(
    { manifests: site + service('a-late-one', 'a') + services(names.toReversed()), restored },
    async ({ until, router, events }) => {
      await until('all are announced', () => router.rib.size === 11)
      assert.deepEqual(
        events.filter((event) => event.event === 'service' && event.type === 'Normal'),
        [],
        'nobody was given anything',
      )
    },
  )
})

/** The state in which these Services hold these addresses. */
function stateOf(held: ReadonlyMap<string, readonly string[]>): ReturnType<typeof plan>['state'] {
  const assignments = [...held].flatMap(([key, [text]]) => {
    if (text === undefined) return []
    const value = text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
    return [
      [
        key,
        { service: key, addresses: [{ address: { family: 'ipv4' as const, value }, pool: 'public' }], terms: '' },
      ] as const,
    ]
  })
  return { assignments: new Map(assignments), history: { released: [], longAgo: [] } }
}

test('addresses in a Service’s status are kept when it is taken over from another owner', () =>
  inWorld(
    {
      manifests: `${site}${service('web', 'a')}`.replace(
        '  ports: [{ protocol: TCP, port: 80 }]\n',
        '  ports: [{ protocol: TCP, port: 80 }]\nstatus: { loadBalancer: { ingress: [{ ip: 192.0.2.17 }] } }\n',
      ),
    },
    async ({ until, nextHops }) => {
      await until('the address is announced', () => nextHops('192.0.2.17/32').length === 3)
    },
  ))
