import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Json } from '../harness/json.ts'
import { createServiceHistory } from './service-record.ts'

const service = (name: string, addresses: readonly string[], sharingKey?: string): Json => {
  const annotations = sharingKey === undefined ? {} : { annotations: { 'metallb.io/allow-shared-ip': sharingKey } }
  const ingress = addresses.length === 0 ? {} : { ingress: addresses.map((ip) => ({ ip })) }
  return new Json({ metadata: { namespace: 'default', name, ...annotations }, status: { loadBalancer: ingress } })
}

describe('the record of Services', () => {
  test('an address that comes, stays and goes with its Service is nothing to report', () => {
    const { take, violations, held, seen } = createServiceHistory()
    take('ADDED', service('web', []))
    take('MODIFIED', service('web', ['192.0.2.1']))
    take('MODIFIED', service('web', ['192.0.2.1']))
    assert.equal(held.get('default/web'), '192.0.2.1')
    take('DELETED', service('web', ['192.0.2.1']))
    take('ADDED', service('api', ['192.0.2.1']))
    assert.deepEqual(violations, [])
    assert.deepEqual([...held], [['default/api', '192.0.2.1']])
    assert.deepEqual([...seen], ['default/web', 'default/api'])
  })

  test('an address that changes, or is lost while its Service is there, is', () => {
    const { take, violations } = createServiceHistory()
    take('ADDED', service('web', ['192.0.2.1']))
    take('MODIFIED', service('web', ['192.0.2.2']))
    take('MODIFIED', service('web', []))
    assert.deepEqual(violations, [
      'default/web had 192.0.2.1 and has 192.0.2.2',
      'default/web had 192.0.2.2 and has none',
    ])
  })

  test('so is one that two Services have, also beside another one', () => {
    const { take, violations } = createServiceHistory()
    take('ADDED', service('web', ['192.0.2.1', '2001:db8::1']))
    take('ADDED', service('api', ['2001:db8::1']))
    assert.deepEqual(violations, ['default/api and default/web both have 2001:db8::1'])
  })

  test('two Services with one sharing key may have one address, those of different keys may not', () => {
    const { take, violations } = createServiceHistory()
    take('ADDED', service('dns-tcp', ['192.0.2.1'], 'dns'))
    take('ADDED', service('dns-udp', ['192.0.2.1'], 'dns'))
    assert.deepEqual(violations, [])
    take('ADDED', service('web', ['192.0.2.1'], 'web'))
    assert.deepEqual(violations, [
      'default/web and default/dns-tcp both have 192.0.2.1',
      'default/web and default/dns-udp both have 192.0.2.1',
    ])
  })
})
