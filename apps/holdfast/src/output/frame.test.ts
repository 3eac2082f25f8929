import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import type { Event } from '../events.ts'
import { renderFrame } from './frame.ts'
import { plainLine } from './plain.ts'
import { ScreenState } from './screen-state.ts'
import { age } from './text.ts'

const established: Event = {
  event: 'session',
  node: 'node-a',
  peer: 'router',
  remote: '10.0.0.1:179',
  state: 'established',
  reason: 'established',
  message: 'the session is up',
}
const events: readonly Event[] = [
  {
    event: 'started',
    mode: 'standalone',
    version: '1.2.3',
    pid: 1,
    directory: 'manifests',
    nodes: ['node-a', 'node-b'],
  },
  {
    event: 'service',
    service: 'shop/web',
    type: 'Normal',
    reason: 'IPAllocated',
    message: 'Assigned IP [192.0.2.1]',
    addresses: ['192.0.2.1'],
  },
  {
    event: 'service',
    service: 'shop/late',
    type: 'Warning',
    reason: 'AllocationFailed',
    message: 'no available IPs in pool public',
    addresses: [],
  },
  { event: 'announced', node: 'node-a', service: 'shop/web', routes: [{ prefix: '192.0.2.1/32', peers: ['router'] }] },
  { event: 'withheld', node: 'node-b', service: 'shop/web', reason: 'noLocalEndpoints', message: 'no endpoint' },
  established,
  { event: 'route', prefix: '192.0.2.1/32', nextHops: ['10.0.0.11'], asPath: [64512], communities: [] },
  {
    event: 'route',
    prefix: '198.51.100.0/24',
    nextHops: ['10.0.0.11', '10.0.0.12'],
    asPath: [64512],
    communities: ['64500:100'],
  },
]

function frame(
  more: readonly Event[] = [],
  size = { columns: 120, rows: 50 },
  hint: readonly string[] = [],
): readonly string[] {
  const state = new ScreenState(50)
  for (const event of [...events, ...more]) state.apply(event, 1000)
  return renderFrame(state, { now: 5000, hint, ...size }).map((line) => stripVTControlCharacters(line))
}

test('a frame shows sessions, Services with their next hops, and other routes, in columns', () => {
  assert.deepEqual(frame([], { columns: 120, rows: 19 }), [
    'holdfast 1.2.3 standalone: manifests, as node-a, node-b',
    '',
    'SESSIONS',
    '  NODE    PEER    ROUTER        STATE          SINCE',
    '  node-a  router  10.0.0.1:179  ● Established  4s',
    '',
    'SERVICES',
    '  SERVICE    ADDRESS    ANNOUNCED BY  NEXT HOPS AT THE ROUTER',
    '  shop/late  none                     no available IPs in pool public',
    '  shop/web   192.0.2.1  node-a        10.0.0.11',
    '',
    'ROUTES',
    '  PREFIX           NEXT HOPS            AS PATH  COMMUNITIES',
    '  198.51.100.0/24  10.0.0.11 10.0.0.12  64512    64500:100',
    '',
    'LATEST',
    '    4s  router: 192.0.2.1/32 via 10.0.0.11',
    '    4s  router: 198.51.100.0/24 via 10.0.0.11, 10.0.0.12, communities 64500:100',
  ])
})

test('an address that nobody announces says why', () => {
  const withheld: Event = {
    event: 'withheld',
    node: 'node-a',
    service: 'shop/web',
    reason: 'noLocalEndpoints',
    message: 'no endpoint',
  }
  assert.ok(frame([withheld]).some((line) => /shop\/web +192\.0\.2\.1 +nobody: noLocalEndpoints/.test(line)))
})

test('a Service that is gone leaves the screen, whatever is told of it afterwards', () => {
  const lines = frame([
    {
      event: 'service',
      service: 'shop/web',
      type: 'Normal',
      reason: 'Released',
      message: 'gave back 192.0.2.1',
      addresses: [],
    },
    { event: 'announced', node: 'node-a', service: 'shop/web', routes: [] },
  ])
  assert.ok(!lines.some((line) => line.startsWith('  shop/web ')))
})

test('a problem stands with place, message and remedy until it is mended', () => {
  const fault: Event = {
    event: 'fault',
    code: 'invalid-pool-entry',
    file: 'pools.yaml',
    line: 7,
    object: 'IPAddressPool a/b',
    path: 'spec.addresses[0]',
    value: '"x"',
    message: 'is no address',
    remedy: 'Write one.',
  }
  const lines = frame([fault])
  assert.ok(lines.includes('  ✘ pools.yaml:7: IPAddressPool a/b spec.addresses[0] = "x"'))
  assert.ok(lines.includes('    is no address') && lines.includes('    Write one.'))
  assert.equal(
    plainLine(fault),
    'error: pools.yaml:7: IPAddressPool a/b spec.addresses[0] = "x": is no address (invalid-pool-entry)\n  Write one.',
  )
  const { code, file, object, path } = fault
  const mended = frame([fault, { event: 'faultCleared', code, file, object: object ?? '', path: path ?? '' }])
  assert.ok(!mended.some((line) => line.includes('✘')))
})

test('no line is wider and no frame higher than the terminal, with colours cut between, not inside, sequences', () => {
  const state = new ScreenState(50)
  for (const event of [...events, { ...established, state: 'idle', message: 'm'.repeat(300) } as const])
    state.apply(event, 0)
  for (const columns of [20, 33, 80]) {
    for (const rows of [2, 5, 12, 40]) {
      const lines = renderFrame(state, { now: 0, columns, rows, hint: ['x'.repeat(200)] })
      assert.ok(lines.length < rows)
      for (const line of lines) {
        const visible = stripVTControlCharacters(line)
        assert.ok(visible.length <= columns, visible)
        assert.ok(!visible.includes('[3') && !visible.includes('\u001b'), 'no piece of a colour sequence is visible')
      }
    }
  }
})

test('ages are short', () => {
  const texts = [0, 59_999, 60_000, 3_599_000, 3_600_000, 86_400_000 + 3 * 3_600_000].map(age)
  assert.deepEqual(texts, ['0s', '59s', '1m00s', '59m59s', '1h00m', '1d3h'])
})

test('an object that is not in force as a whole is named without a stray blank', () => {
  const object = 'L2Advertisement metallb-system/l2'
  const line = (path: string): string => plainLine({ event: 'notInForce', object, path, value: '', reason: 'layer 2' })
  assert.equal(line(''), 'not in force: L2Advertisement metallb-system/l2: layer 2')
  assert.equal(line('spec.x'), 'not in force: L2Advertisement metallb-system/l2 spec.x: layer 2')
})
