import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWorld, site } from '../testing/world.ts'
import { protectionHint, sessionEvent, silent } from './session-words.ts'

async function wantedOf(spec: string) {
  const manifests = site.replaceAll('myASN: 64512', `myASN: 64512\n  ${spec}`)
  const world = await createWorld({ manifests, nodes: ['node-a'] })
  const [wanted] = world.standalone.announcements.wanted()
  await world.stop()
  return wanted!
}

const refusal = (asn: number, field: string) => ({
  code: 'notificationReceived',
  message: `the peer closed the session: OPEN Message Error / Bad Peer AS (2/2): it does not expect AS ${asn}, correct ${field} or the router`,
})

test('a refused AS number is named with the field that it comes from', async () => {
  const local = await wantedOf('localASN: 64999')
  const told = sessionEvent(local, 'idle', refusal(64_999, 'spec.myASN'))
  assert.equal(told.message, refusal(64_999, 'spec.localASN').message)
  const plain = await wantedOf('ebgpMultiHop: true')
  assert.equal(
    sessionEvent(plain, 'idle', refusal(64_512, 'spec.myASN')).message,
    refusal(64_512, 'spec.myASN').message,
  )
})

test('where a session has a key or GTSM, silence is told with what to look at', async () => {
  const { terms } = await wantedOf('ebgpMultiHop: true')
  assert.ok(!('obstacle' in terms))
  const hint = (socket: object, code = 'connectTimeout') =>
    protectionHint(code, { ...terms, socket: { ...none, ...socket } }) ?? ''
  assert.match(hint({ md5Password: 'abc' }), /^TCP MD5: check that the key \(password\) is the same on both sides/)
  assert.match(hint({ tcpAo: { keys: [] } }), /^TCP-AO: check that the key/)
  assert.match(
    hint({ minimumTtl: 255 }),
    /^GTSM: packets with a TTL below 255 are dropped: set ttl-security on the router/,
  )
  assert.match(hint({ minimumTtl: 254 }), /below 254/)
  assert.match(hint({ md5Password: 'abc' }, 'connectFailed'), /TCP MD5/)
  assert.match(hint({ md5Password: 'abc' }, 'holdTimerExpired'), /TCP MD5/)
  assert.equal(hint({ ttl: 5 }), '')
  assert.equal(hint({ md5Password: 'abc' }, silent.code), '', 'where TCP is up the keys are the same')
  assert.ok(!hint({ md5Password: 'geheim' }).includes('geheim'))
})

const none = { md5Password: undefined, tcpAo: undefined, ttl: undefined, minimumTtl: undefined, device: undefined }
