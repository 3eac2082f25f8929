import { hostPrefix, ipv4 } from '@holdfast/ip'
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Capability, Message, OpenMessage } from './messages.ts'
import type { PeerConfig, PeerInput, PeerOutput } from './peer.ts'
import type { Route } from './routes.ts'
import type { Peer } from './step.ts'
import { createPeer, refusal, routeCounts, step } from './step.ts'
import {
  attributesOf,
  configOf,
  disconnected,
  establishedPeer,
  feed,
  gracefulRestart,
  openOf,
  opening,
  reasonsOf,
  received,
  rendered,
  sentMessages,
  statesOf,
  timer,
} from './testing/peers.ts'
import { announcing, attributes, endOfRib, prefix, withdrawing } from './testing/vectors.ts'

const routes: readonly Route[] = [{ prefix: hostPrefix(ipv4(0xc6336401)), attributes: attributesOf() }]

const refresh = (afi: number, subtype = 0, safi = 1): PeerInput =>
  received('active', { kind: 'routeRefresh', afi, subtype, safi })

const sent = (outputs: readonly PeerOutput[]): readonly string[] => sentMessages(outputs).map(nameOf)
const nameOf = (message: Message): string =>
  message.kind === 'routeRefresh' ? `${['request', 'BoRR', 'EoRR'][message.subtype]} ${message.afi}` : message.kind

const updates = (outputs: readonly PeerOutput[]): number =>
  sentMessages(outputs).filter(({ kind }) => kind === 'update').length

const openWith = (...more: Capability[]): OpenMessage => {
  const open = openOf()
  return { ...open, capabilities: [...open.capabilities, ...more] }
}
const enhanced = openWith({ kind: 'enhancedRouteRefresh' })

suite('ROUTE-REFRESH (RFC 2918)', () => {
  const withRoutes = feed(establishedPeer(), [{ kind: 'desire', routes }]).peer

  test('the routes of the family are sent again [rfc2918-4-resend]', () => {
    assert.equal(updates(feed(withRoutes, [refresh(1)]).outputs), 1)
    assert.equal(updates(feed(withRoutes, [refresh(2)]).outputs), 0)
  })

  test('a thousand in a second are two', () => {
    const storm = feed(
      withRoutes,
      Array.from({ length: 1000 }, () => refresh(1)),
    )
    assert.equal(updates(storm.outputs), 1)
    const later = feed(storm.peer, [timer('active', 'refresh')])
    assert.equal(updates(later.outputs), 1)
    assert.equal(updates(feed(later.peer, [timer('active', 'refresh')]).outputs), 0)
    assert.equal(updates(feed(later.peer, [timer('active', 'refresh'), refresh(1)]).outputs), 1)
  })

  test('the answer that waits is what is right when it goes out', () => {
    const waiting = feed(withRoutes, [refresh(1), refresh(1), { kind: 'desire', routes: [] }]).peer
    assert.equal(updates(feed(waiting, [timer('active', 'refresh')]).outputs), 0)
  })

  test('other families and unknown subtypes are ignored [rfc2918-4-ignore-other-families] [rfc7313-5-unknown-subtype]', () => {
    const ignored = [refresh(1, 3), refresh(1, 254), refresh(1, 255), refresh(1, 0, 128), refresh(25)]
    assert.deepEqual(feed(withRoutes, ignored).outputs, [])
  })

  test('the end of the session ends the wait', () => {
    const { outputs } = feed(withRoutes, [refresh(1), disconnected('active')])
    assert.equal(rendered(outputs).includes('disarm refresh'), true)
  })

  test('before the first full set there is nothing to repeat: the request waits for it', () => {
    const waiting = feed(establishedPeer(), [refresh(1), refresh(1), refresh(2)])
    assert.deepEqual(waiting.outputs, [])
    const { outputs } = feed(waiting.peer, [{ kind: 'desire', routes }])
    assert.deepEqual(sent(outputs), ['update', 'update', 'update', 'update'], 'routes, two End-of-RIB, routes')
  })
})

suite('enhanced refresh (RFC 7313)', () => {
  const withRoutes = feed(establishedPeer({}, enhanced), [{ kind: 'desire', routes }]).peer

  test('the answer begins with BoRR and ends with EoRR, behind the last route [rfc7313-4-borr-first] [rfc7313-4-eorr-last]', () => {
    assert.deepEqual(sent(feed(withRoutes, [refresh(1)]).outputs), ['BoRR 1', 'update', 'EoRR 1'])
    assert.deepEqual(sent(feed(withRoutes, [refresh(2)]).outputs), ['BoRR 2', 'EoRR 2'], 'also where there are none')
  })

  test('a peer without the capability gets neither', () => {
    const plain = feed(establishedPeer(), [{ kind: 'desire', routes }]).peer
    assert.deepEqual(sent(feed(plain, [refresh(1)]).outputs), ['update'])
  })

  test('refreshes that wait for one another are answered once, each family by itself', () => {
    const storm = feed(withRoutes, [refresh(1), refresh(1), refresh(2), refresh(2), refresh(1)])
    assert.deepEqual(sent(storm.outputs), ['BoRR 1', 'update', 'EoRR 1', 'BoRR 2', 'EoRR 2'])
    const later = feed(storm.peer, [timer('active', 'refresh')])
    assert.deepEqual(sent(later.outputs), ['BoRR 1', 'update', 'EoRR 1', 'BoRR 2', 'EoRR 2'])
  })

  test('no BoRR before our End-of-RIB [rfc7313-4-eor-before-borr]', () => {
    const early = feed(establishedPeer({}, enhanced), [refresh(1)])
    assert.deepEqual(early.outputs, [])
    const { outputs, peer } = feed(early.peer, [{ kind: 'desire', routes }])
    assert.deepEqual(sent(outputs), ['update', 'update', 'update', 'BoRR 1', 'update', 'EoRR 1'])
    assert.equal(peer.connections.active.state === 'established' && peer.connections.active.refresh.waiting.length, 0)
  })

  test("the peer's own BoRR and EoRR do nothing, in any order, since we keep no routes of it", () => {
    const { outputs, peer } = feed(withRoutes, [refresh(1, 2), refresh(1, 1), refresh(1, 1), refresh(2, 2)])
    assert.deepEqual(outputs, [])
    assert.equal(peer.connections.active, withRoutes.connections.active)
  })
})

suite('the prefix limit (RFC 4486)', () => {
  const limited = (prefixLimit: number, changes: Partial<PeerConfig> = {}, open: OpenMessage = enhanced): Peer =>
    establishedPeer({ prefixLimit, ...changes }, open)
  const announce = (...prefixes: string[]): PeerInput =>
    received('active', announcing(attributes(), '192.0.2.2', ...prefixes))
  const stateAfter = (peer: Peer, ...inputs: PeerInput[]): string => statesOf(feed(peer, inputs).peer)[0]

  test('one prefix more ends the session with 6/1, the family and the limit [rfc4486-4-prefix-limit] [rfc4486-4-prefix-limit-data] [rfc4271-6.7-prefix-limit]', () => {
    const { outputs } = feed(limited(2), [announce('10.0.0.0/8', '10.1.0.0/16'), announce('10.2.0.0/16')])
    const [message] = sentMessages(outputs)
    assert.ok(message?.kind === 'notification')
    assert.deepEqual(
      [message.code, message.subcode, Buffer.from(message.data).toString('hex')],
      [6, 1, '00010100000002'],
    )
    assert.deepEqual(outputs.filter(({ kind }) => kind === 'learned').length, 1, 'what is too much is not handed on')
    assert.equal(
      reasonsOf(outputs)[0],
      'prefixLimitReached: the peer announced more than 2 prefixes; the next attempt is in 5 minutes',
    )
  })

  test('with graceful restart it is no Hard Reset: our routes are not at fault', () => {
    const open = openWith(gracefulRestart())
    const gracefully = { gracefulRestart: { restartTimeSeconds: 120, hasNotification: true } }
    const { outputs } = feed(limited(0, gracefully, open), [announce('10.0.0.0/8')])
    assert.equal(rendered(outputs).includes('send 6/1'), true)
  })

  test('counts what is there, not what was said', () => {
    const twice = [announce('10.0.0.0/8'), announce('10.0.0.0/8')]
    assert.equal(stateAfter(limited(1), ...twice), 'established')
    const moved = [announce('10.0.0.0/8'), received('active', withdrawing('10.0.0.0/8')), announce('10.1.0.0/16')]
    assert.equal(stateAfter(limited(1), ...moved), 'established')
    assert.equal(stateAfter(limited(1), announce('10.0.0.0/8', '2001:db8::/32')), 'idle', 'of all families together')
  })

  test('without a limit nothing is counted, nor remembered', () => {
    const { peer } = feed(establishedPeer(), [announce('10.0.0.0/8')])
    assert.deepEqual(routeCounts(peer), { sentPrefixes: 0, receivedPrefixes: undefined })
    const counted = feed(limited(5), [announce('10.0.0.0/8'), { kind: 'desire', routes }]).peer
    assert.deepEqual(routeCounts(counted), { sentPrefixes: 1, receivedPrefixes: 1 })
    const gone = feed(counted, [disconnected('active')]).peer
    assert.deepEqual(routeCounts(gone), { sentPrefixes: 0, receivedPrefixes: undefined })
  })

  test('what a refresh of the peer leaves out is gone with its EoRR [rfc7313-4-borr-marks]', () => {
    const refreshed = [announce('10.0.0.0/8', '10.1.0.0/16'), refresh(1, 1), announce('10.0.0.0/8'), refresh(1, 2)]
    assert.equal(stateAfter(limited(2), ...refreshed, announce('10.2.0.0/16')), 'established')
    assert.equal(stateAfter(limited(2), ...refreshed, announce('10.2.0.0/16', '10.3.0.0/16')), 'idle')
  })

  test('a BoRR before the End-of-RIB is ignored where graceful restart is negotiated [rfc7313-4-early-borr]', () => {
    const gracefully = { gracefulRestart: { restartTimeSeconds: 120, hasNotification: true } }
    const peer = limited(2, gracefully, openWith({ kind: 'enhancedRouteRefresh' }, gracefulRestart()))
    const full = feed(peer, [announce('10.0.0.0/8', '10.1.0.0/16')]).peer
    const left = [refresh(1, 1), announce('10.0.0.0/8'), refresh(1, 2), announce('10.2.0.0/16')]
    assert.equal(stateAfter(full, ...left), 'idle')
    assert.equal(stateAfter(full, received('active', endOfRib('ipv4')), ...left), 'established')
  })

  test('a peer without the capability does not change the count with the same messages', () => {
    const left = [announce('10.0.0.0/8', '10.1.0.0/16'), refresh(1, 1), refresh(1, 2), announce('10.2.0.0/16')]
    assert.equal(stateAfter(limited(2, {}, openOf()), ...left), 'idle')
  })

  test('neither side begins anew for 5 minutes, unless we are started by hand [rfc4271-8.1.1-damping]', () => {
    for (const role of ['active', 'passive'] as const) {
      const config = configOf({ prefixLimit: 0, isPassive: role === 'passive' })
      const up = feed(createPeer(config, 0), [{ kind: 'start' }, ...opening(role)]).peer
      const over = feed(up, [received(role, announcing(attributes(), '192.0.2.2', '10.0.0.0/8'))], 1000)
      const waits = over.outputs.filter((output) => output.kind === 'arm' && output.timer === 'idleHold')
      assert.deepEqual(
        waits.map((output) => output.kind === 'arm' && [output.role, output.ms]),
        [['active', 300_000] as const, ['passive', 300_000] as const].slice(role === 'active' ? 0 : 1),
      )
      assert.equal(refusal(over.peer)?.code, 'connectionRejected')
      assert.equal(refusal(feed(over.peer, [{ kind: 'start' }]).peer), undefined)
    }
  })

  test('a flood costs no more memory than the limit allows', () => {
    let peer = limited(100)
    for (let index = 0; index < 500; index += 1) {
      peer = step(peer, announce(`10.0.${index % 256}.0/24`), index).peer
      assert.ok((routeCounts(peer).receivedPrefixes ?? 0) <= 100)
    }
    assert.equal(statesOf(peer)[0], 'idle')
  })
})

test('a change of communities alone announces all routes again, as graceful shutdown needs it [rfc8326-4.2-readvertise]', () => {
  const many = Array.from({ length: 300 }, (_, index) => ({
    prefix: prefix(`10.0.${index % 256}.${Math.floor(index / 256)}/32`),
    attributes: attributesOf(),
  }))
  const up = feed(establishedPeer(), [{ kind: 'desire', routes: many }]).peer
  const leaving = many.map((route) => ({ ...route, attributes: attributesOf({ communities: [0xffff0000] }) }))
  const { outputs } = feed(up, [{ kind: 'desire', routes: leaving }])
  const announced = sentMessages(outputs).flatMap((message) =>
    message.kind === 'update' ? (message.announced ?? []) : [],
  )
  assert.deepEqual(announced[0]?.attributes.communities, [0xffff0000])
  assert.equal(announced.flatMap(({ reach }) => reach.flatMap(({ prefixes }) => prefixes)).length, 300)
  assert.equal(sent(outputs).length, 1, 'and nothing is withdrawn')
})
