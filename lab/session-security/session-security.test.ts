// What protects a TCP connection, between the transport of @holdfast/net and FRR, which has the same settings or others.
//
//   client ---- router ---- switch ---- keyed-dial, wrong-dial, keyed-listen, … (one node for each setting)
//   10.0.1.2    10.0.0.1                10.0.0.11, .12, .13 …    AS 64500
//               FRR, AS 64512
//
// Each in IPv4 and IPv6. Claims:
//  1  With the same TCP MD5 password a session is made, whoever dials; with another one there is no connection.
//  2  With GTSM on both sides a session is made, whoever dials. A router without it gets no connection from a node with it,
//     and a node without it no session from a router with it.
//  3  A connection over a router needs TTL 2, and a minimum TTL of 254.
//  4  A connection comes from the source address, and goes through the device, that it is told to.
//  5  When both sides change the password, the session is there again. (FRR ends it at its own change.)
//  6  No password is in anything that was printed.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { labSkip } from '../harness/capability.ts'
import { run } from '../harness/command.ts'
import { eventually, throughout } from '../harness/eventually.ts'
import { Fabric, routerAddress } from '../harness/fabric.ts'
import { FrrRouter } from '../harness/frr.ts'
import type { LabProcess } from '../harness/process.ts'
import type { SpeakerSession } from './speaker-main.ts'

const program = fileURLToPath(import.meta.resolve('./speaker-main.ts'))
const families = ['ipv4', 'ipv6'] as const
type Family = (typeof families)[number]

const key = 'right-password'
const otherKey = 'wrong-password'
const nextKey = 'next-password'
const gtsm = { ttl: 255, minimumTtl: 255 }

interface Node {
  readonly role: 'dial' | 'listen'
  readonly options: SpeakerSession['options']
  readonly next?: SpeakerSession['options']
  /** Lines of FRR after `neighbor ADDRESS`. */
  readonly router: readonly string[]
}

const nodes: Readonly<Record<string, Node>> = {
  'keyed-dial': {
    role: 'dial',
    options: { md5Password: key },
    next: { md5Password: nextKey },
    router: ['passive', `password ${key}`],
  },
  'wrong-dial': { role: 'dial', options: { md5Password: otherKey }, router: ['passive', `password ${key}`] },
  'no-key-dial': { role: 'dial', options: {}, router: ['passive', `password ${key}`] },
  'keyed-listen': { role: 'listen', options: { md5Password: key }, router: [`password ${key}`] },
  'wrong-listen': { role: 'listen', options: { md5Password: otherKey }, router: [`password ${key}`] },
  'no-key-router': { role: 'listen', options: { md5Password: key }, router: [] },
  'gtsm-dial': { role: 'dial', options: gtsm, router: ['passive', 'ttl-security hops 1'] },
  'no-gtsm-dial': { role: 'dial', options: { ttl: 64 }, router: ['passive', 'ttl-security hops 1'] },
  'gtsm-listen': { role: 'listen', options: gtsm, router: ['ttl-security hops 1'] },
  'plain-router': { role: 'listen', options: gtsm, router: [] },
  bound: { role: 'dial', options: { device: 'eth0' }, router: ['passive'] },
}

const nodeNames = Object.keys(nodes)
/** The node that dials from an address of its own. */
const source = { ipv4: '10.0.0.111', ipv6: 'fd00:0:0:1::111' }

describe('what protects a session, with FRR', { skip: labSkip() }, () => {
  let fabric: Fabric
  let frr: FrrRouter
  const speakers = new Map<string, LabProcess>()
  let hasFailed = false

  function addressOf(name: string, family: Family): string {
    return name === 'bound' ? source[family] : fabric.node(name)[family]
  }

  before(async () => {
    fabric = await Fabric.create(nodeNames)
    const neighbors = nodeNames.flatMap((name) =>
      families.flatMap((family) => {
        const address = addressOf(name, family)
        const lines = ['remote-as 64500', 'timers 3 9', 'timers connect 1', ...nodes[name]!.router]
        return lines.map((line) => ` neighbor ${address} ${line}`)
      }),
    )
    const configuration = [
      'hostname router',
      'router bgp 64512',
      ' bgp router-id 10.0.0.1',
      ' no bgp ebgp-requires-policy',
      ...neighbors,
      '',
    ].join('\n')
    frr = await FrrRouter.configured(fabric.lab, fabric.router, { configuration, isListening: true, hasBfd: false })
    const bound = fabric.node('bound').namespace
    await run('ip', '-n', bound, 'address', 'add', `${source.ipv4}/32`, 'dev', 'eth0')
    await run('ip', '-n', bound, 'address', 'add', `${source.ipv6}/128`, 'dev', 'eth0', 'nodad')
    for (const name of nodeNames) {
      const { role, options, next } = nodes[name]!
      start(
        fabric.node(name).namespace,
        name,
        families.map((family) => ({
          name: family,
          asn: 64500,
          role,
          address: routerAddress[family],
          port: 179,
          options,
          source: addressOf(name, family),
          ...(next !== undefined && { next }),
        })),
      )
    }
  })
  afterEach((context) => {
    if (!('passed' in context && context.passed)) hasFailed = true
  })
  after(() => {
    if (hasFailed || speakers.size === 0) fabric.lab.reportFailure()
    fabric.lab.close()
  })

  function start(namespace: string, name: string, sessions: readonly SpeakerSession[]): void {
    speakers.set(name, fabric.lab.start(namespace, name, [process.execPath, program, JSON.stringify(sessions)]))
  }

  /** What a speaker has printed of one session. */
  function told(name: string, session: string): readonly string[] {
    return speakers
      .get(name)!
      .jsonLines()
      .filter((line) => line.at('session').text() === session)
      .map((line) => {
        const fault = line.at('fault')
        return [line.at('event').text(), fault.isMissing ? line.at('type').numberOr('') : fault.at('code').text()]
          .join(' ')
          .trim()
      })
  }

  const isEstablished = (name: string, family: Family): Promise<unknown> =>
    eventually(
      `FRR's session with ${name} over ${family} is Established`,
      async () => ({ frr: await frr.neighbor(addressOf(name, family)), speaker: told(name, family) }),
      (seen) => assert.equal(seen.frr.state, 'Established'),
      { timeoutMs: 30_000 },
    )

  for (const family of families) {
    for (const [name, claim] of [
      ['keyed-dial', 'a dial with the password of the router makes a session [rfc2385-2.0-signed-segments]'],
      ['keyed-listen', 'a router that dials with our password gets a session [rfc2385-2.0-signed-segments]'],
      ['gtsm-dial', 'a dial with GTSM to a router with GTSM makes a session [rfc5082-3-send-255]'],
      ['gtsm-listen', 'a router with GTSM that dials gets a session [rfc5082-3-send-255]'],
      ['bound', 'a dial from a source address and through a device makes a session'],
    ] as const) {
      test(`${claim}, ${family}`, async () => {
        await isEstablished(name, family)
        await eventually(
          'the speaker has an OPEN and a KEEPALIVE',
          () => told(name, family),
          (events) => {
            assert.ok(events.includes('received 1') && events.includes('received 4'))
          },
        )
      })
    }
  }

  test('with another password or none on one side there is no connection at all [rfc2385-2.0-silent-drop] [rfc2385-2.0-no-response]', async () => {
    await eventually(
      'a dial has failed',
      () => families.flatMap((family) => [told('wrong-dial', family), told('no-key-dial', family)]),
      (events) => {
        for (const one of events) assert.ok(one.includes('failed ETIMEDOUT'))
      },
      { timeoutMs: 20_000 },
    )
    for (const family of families) {
      for (const name of ['wrong-dial', 'no-key-dial', 'wrong-listen', 'no-key-router']) {
        assert.deepEqual(
          new Set(told(name, family)),
          new Set([name.includes('dial') ? 'failed ETIMEDOUT' : 'listening']),
        )
        assert.equal((await frr.neighbor(addressOf(name, family))).connectionsEstablished, 0)
      }
    }
  })

  test('without GTSM on one side there is no session [rfc5082-3-discard]', async () => {
    const read = async (): Promise<readonly unknown[]> =>
      Promise.all(
        families.map(async (family) => [
          told('plain-router', family),
          (await frr.neighbor(addressOf('plain-router', family))).connectionsEstablished,
          told('no-gtsm-dial', family).filter((event) => event === 'received 4'),
          (await frr.neighbor(addressOf('no-gtsm-dial', family))).connectionsEstablished,
        ]),
      )
    const expected = families.map(() => [['listening'], 0, [], 0])
    await throughout('there is no session', read, (seen) => assert.deepEqual(seen, expected), { timeoutMs: 5000 })
  })

  test('over a router, TTL 1 does not arrive, TTL 2 does; the far side hears TTL 255 with minimum 254 [rfc5082-3-trusted-not-dropped]', async () => {
    const client = fabric.router.replace(/-router$/, '-client')
    const far = { ipv4: '10.0.1.2', ipv6: 'fd00:0:0:2::2' }
    const near = fabric.node('no-key-dial')
    const listen = (family: Family, name: string, port: number, options: SpeakerSession['options']): SpeakerSession => {
      return {
        name: `${family} ${name}`,
        asn: 64501,
        role: 'listen',
        address: near[family],
        source: far[family],
        port,
        options,
      }
    }
    start(
      client,
      'far',
      families.flatMap((family) => {
        const base = family === 'ipv4' ? 1790 : 1890
        return [
          listen(family, 'any', base, {}),
          listen(family, 'minimum 254', base + 1, { minimumTtl: 254 }),
          listen(family, 'minimum 255', base + 2, { minimumTtl: 255 }),
        ]
      }),
    )
    await eventually(
      'the far side listens',
      () => speakers.get('far')!.jsonLines().length,
      (count) => {
        assert.equal(count, 6)
      },
    )
    start(
      near.namespace,
      'near',
      families.flatMap((family): readonly SpeakerSession[] => {
        const base = family === 'ipv4' ? 1790 : 1890
        const session = { asn: 64500, role: 'dial', address: far[family], source: near[family] } as const
        return [
          { ...session, name: `${family} TTL 1`, port: base, options: { ttl: 1 } },
          { ...session, name: `${family} TTL 2`, port: base, options: { ttl: 2 } },
          { ...session, name: `${family} 255 to 254`, port: base + 1, options: { ttl: 255 } },
          { ...session, name: `${family} 255 to 255`, port: base + 2, options: { ttl: 255 } },
        ]
      }),
    )
    for (const family of families) {
      for (const name of ['TTL 2', '255 to 254']) {
        await eventually(
          `${family} ${name} talks`,
          () => told('near', `${family} ${name}`),
          (events) => {
            assert.ok(events.includes('received 4'))
          },
        )
      }
      await eventually(
        `${family} TTL 1 fails`,
        () => told('near', `${family} TTL 1`),
        (events) => {
          assert.ok(events.some((event) => event.startsWith('failed')))
        },
      )
      assert.ok(!told('near', `${family} TTL 1`).includes('connected'))
      assert.ok(told('far', `${family} minimum 254`).includes('received 1'))
      assert.deepEqual(
        told('far', `${family} minimum 255`).filter((event) => event.startsWith('received')),
        [],
      )
    }
  })

  test('when both sides change the password the session is there again', async () => {
    const read = (): Promise<number> =>
      frr.neighbor(addressOf('keyed-dial', 'ipv4')).then((neighbor) => neighbor.connectionsEstablished)
    const before = await read()
    for (const family of families) {
      const line = `neighbor ${addressOf('keyed-dial', family)} password ${nextKey}`
      await frr.execute(`configure terminal\nrouter bgp 64512\n${line}`)
    }
    speakers.get('keyed-dial')!.signal('SIGUSR1')
    await eventually('a new session', read, (count) => assert.ok(count >= before), { timeoutMs: 30_000 })
    for (const family of families) await isEstablished('keyed-dial', family)
    const shown = await frr.execute('show running-config')
    assert.ok(shown.includes(`password ${nextKey}`))
  })

  test('no password is in anything that was printed', () => {
    for (const [name, speaker] of speakers) {
      assert.ok(speaker.output().length > 0, name)
      assert.ok(![key, otherKey, nextKey].some((secret) => speaker.output().includes(secret)), name)
    }
  })
})
