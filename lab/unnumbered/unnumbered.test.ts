// BGP unnumbered: a link with IPv6 link-local addresses alone, and FRR with `neighbor eth0 interface remote-as external`.
//
//   node ---- eth0 = eth0 ---- router, FRR, AS 64512
//   AS 64500
//
// Claims:
//  1  FRR learns our link-local address from our router advertisements, and we learn FRR's from its own.
//  2  We dial it there and have a session; FRR dials us where we only listen; both with GTSM.
//  3  An advertisement that came over a router (hop limit below 255) is not heard.
//  4  A device that goes down takes the router with it, and brings it again.
//  5  Without CAP_NET_RAW the reason says so.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { labSkip } from '../harness/capability.ts'
import { run } from '../harness/command.ts'
import { eventually } from '../harness/eventually.ts'
import { FrrRouter } from '../harness/frr.ts'
import { Json } from '../harness/json.ts'
import { Lab } from '../harness/lab.ts'
import type { LabProcess } from '../harness/process.ts'

const program = (name: string): string => fileURLToPath(import.meta.resolve(`./${name}-main.ts`))

const configuration = [
  'hostname router',
  'router bgp 64512',
  ' bgp router-id 10.0.0.1',
  ' no bgp ebgp-requires-policy',
  ' neighbor eth0 interface remote-as external',
  ' neighbor eth0 timers 3 9',
  ' neighbor eth0 timers connect 1',
  ' neighbor eth0 ttl-security hops 1',
  '',
].join('\n')

interface Link {
  readonly lab: Lab
  readonly node: string
  readonly router: string
}

async function createLink(): Promise<Link> {
  const lab = Lab.create()
  const node = await lab.addNamespace('node')
  const router = await lab.addNamespace('router')
  await run('ip', 'link', 'add', 'eth0', 'netns', node, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', router)
  for (const namespace of [node, router]) await run('ip', '-n', namespace, 'link', 'set', 'eth0', 'up')
  // The node has another address too, which must not be what it advertises itself from.
  await run('ip', '-n', node, 'address', 'add', 'fd00::b/64', 'dev', 'eth0', 'nodad')
  return { lab, node, router }
}

async function linkLocal(namespace: string): Promise<string> {
  const text = await run('ip', '-n', namespace, '-6', '-j', 'address', 'show', 'dev', 'eth0', 'scope', 'link')
  const found = new Json(JSON.parse(text))
    .list()
    .flatMap((device) => device.at('addr_info').list())
    .map((address) => address.at('local').textOr(''))
  // `-j` prints an empty object for each address that the filter leaves out.
  return found.find((address) => address !== '') ?? ''
}

const events = (speaker: LabProcess): readonly string[] =>
  speaker.jsonLines().map((line) => `${line.at('event').text()} ${line.at('address').textOr('')}`.trim())

const has = (speaker: LabProcess, event: string, times = 1): Promise<unknown> =>
  eventually(
    `the speaker says ${event}`,
    () => events(speaker),
    (seen) => assert.ok(seen.filter((one) => one === event).length >= times),
    { timeoutMs: 30_000 },
  )

describe('BGP unnumbered', { skip: labSkip() }, () => {
  let link: Link
  let hasFailed = false
  let count = 0

  before(async () => {
    link = await createLink()
  })
  afterEach((context) => {
    if (!('passed' in context && context.passed)) hasFailed = true
  })
  after(() => {
    if (hasFailed || count === 0) link.lab.reportFailure()
    link.lab.close()
  })

  function start(namespace: string, name: string, ...command: readonly [string, ...string[]]): LabProcess {
    count += 1
    return link.lab.start(namespace, `${name}-${count}`, command)
  }
  const speak = (role: 'dial' | 'listen' | 'look'): LabProcess =>
    start(link.node, role, process.execPath, program('speaker'), 'eth0', role)

  test('an advertisement that came over a router is not heard [rfc4861-6.1.2-hop-limit]', async () => {
    const speaker = speak('look')
    const forger = start(link.router, 'forger', process.execPath, program('forger'), 'eth0', '254', '0', '255')
    for (const more of [20, 40]) {
      await eventually(
        'advertisements have been sent',
        () => forger.jsonLines().length,
        (sent) => assert.ok(sent >= more),
      )
      assert.deepEqual(events(speaker), [])
      forger.signal('SIGUSR1')
    }
    await has(speaker, `found ${await linkLocal(link.router)}`)
    speaker.end()
    forger.end()
  })

  test('without CAP_NET_RAW the reason names it', async () => {
    const command = [
      'setpriv',
      '--bounding-set=-net_raw',
      '--inh-caps=-net_raw',
      process.execPath,
      program('speaker'),
      'eth0',
    ] as const
    const speaker = start(link.node, 'powerless', ...command)
    await has(speaker, 'obstacle')
    const [line] = speaker.jsonLines()
    assert.match(line?.at('message').text() ?? '', /^no router can be looked for on eth0: .* \(EPERM\)$/)
    assert.match(line?.at('remedy').text() ?? '', /CAP_NET_RAW/)
    speaker.end()
  })

  describe('with FRR', () => {
    let frr: FrrRouter

    before(async () => {
      frr = await FrrRouter.configured(link.lab, link.router, { configuration, isListening: true, hasBfd: false })
    })

    const isEstablished = (times: number): Promise<unknown> =>
      eventually(
        'the session is Established',
        () => frr.show('show bgp neighbors eth0 json'),
        (shown) => {
          const neighbor = shown.at('eth0')
          assert.equal(neighbor.at('bgpState').text(), 'Established')
          assert.equal(neighbor.at('connectionsEstablished').number(), times)
        },
        { timeoutMs: 30_000 },
      )

    test('we learn its address and it learns ours, it dials us, and there is a session [rfc4861-4.2-link-local-source] [rfc4861-4.2-hop-limit]', async () => {
      const speaker = speak('listen')
      await has(speaker, `found ${await linkLocal(link.router)}`)
      const own = await linkLocal(link.node)
      await eventually(
        'FRR knows our address',
        () => frr.show('show bgp neighbors eth0 json'),
        (shown) => assert.equal(shown.at('eth0').at('bgpNeighborAddr').text(), own),
        { timeoutMs: 30_000 },
      )
      await isEstablished(1)
      await has(speaker, 'received')
      const connected = speaker.jsonLines().find((line) => line.at('event').text() === 'connected')
      assert.equal(connected?.at('remote').text(), await linkLocal(link.router))
      assert.equal(connected.at('device').text(), 'eth0')
      speaker.end()
    })

    test('we dial it at the address that it advertises, and there is a session', async () => {
      const speaker = speak('dial')
      await has(speaker, 'connected')
      await isEstablished(2)
      const shown = (await frr.show('show bgp neighbors eth0 json')).at('eth0')
      assert.equal(shown.at('hostForeign').text(), await linkLocal(link.node))
      speaker.end()
    })

    test('a device that goes down takes the router with it, and one that comes up brings it', async () => {
      const speaker = speak('look')
      const router = await linkLocal(link.router)
      await has(speaker, `found ${router}`)
      await run('ip', '-n', link.node, 'link', 'set', 'eth0', 'down')
      await has(speaker, `lost ${router}`)
      await has(speaker, 'obstacle')
      await run('ip', '-n', link.node, 'link', 'set', 'eth0', 'up')
      await has(speaker, `found ${router}`, 2)
      speaker.end()
    })
  })
})
