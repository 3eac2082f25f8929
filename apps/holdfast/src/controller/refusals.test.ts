import type { ApiFault, FaultCode, KubeObject, MemoryClient } from '@holdfast/cluster'
import { createMemoryApi, resourceTypes } from '@holdfast/cluster'
import { encodeBlock } from '@holdfast/ipam'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createLog } from '../kubernetes/log.ts'
import type { Controller } from './controller.ts'
import { createController } from './controller.ts'
import { assignedCondition, conditionOf, ingressOf } from './service-object.ts'
import { specOf } from './testing/truth.ts'

const namespace = 'metallb-system'

/** A controller that leads, before a server that refuses what the test says. */
async function createScene() {
  const clock = createVirtualClock()
  const server = createMemoryApi({ clock })
  for (const name of ['tenant-a', 'tenant-b']) server.put(resourceTypes.Namespace, { metadata: { name } })
  server.put(resourceTypes.IPAddressPool, {
    metadata: { name: 'gold', namespace },
    spec: { addresses: ['10.0.0.0/16'] },
  })
  server.put(resourceTypes.IPAddressPool, {
    metadata: { name: 'other', namespace },
    spec: { addresses: ['10.1.0.0/16'], autoAssign: false },
  })
  const client = server.connect()
  const lines: string[] = []
  let refuse: Refuse = () => undefined
  const start = (): Controller => {
    const controller = createController({
      api: refusing(client, (...about) => refuse(...about)),
      clock,
      nowMs: () => Date.UTC(2026, 0, 1) + clock.now(),
      random: () => 0.5,
      log: createLog({ level: 'info', write: (line) => lines.push(line), now: () => String(clock.now()) }),
      command: { identity: 'one', namespace, loadBalancerClass: undefined, onPoolLoss: 'Reassign' },
    })
    controller.start()
    return controller
  }
  const pass = async (ms: number): Promise<void> => {
    const endMs = clock.now() + ms
    clock.after(ms, () => undefined)
    const turn = async (): Promise<void> => {
      for (let times = 0; times < 12; times += 1) await setImmediate()
    }
    await turn()
    while (clock.now() < endMs && clock.advanceToNext()) await turn()
  }
  const controller = start()
  await pass(5000)
  assert.ok(controller.planned())
  client.forgetRequests()
  const read = (of: string, name: string): KubeObject => {
    const object = server.read(resourceTypes.Service, { namespace: of, name })
    assert.ok(object)
    return object
  }
  return {
    clock,
    server,
    client,
    lines,
    pass,
    controller,
    start,
    refuse: (next: Refuse) => {
      refuse = next
    },
    create: (of: string, name: string, annotations: Record<string, string> = {}, port = 80): void =>
      void server.put(resourceTypes.Service, {
        metadata: { name, namespace: of, annotations },
        spec: { type: 'LoadBalancer', clusterIPs: ['10.96.0.1'], ports: [{ port, protocol: 'TCP' }] },
      }),
    addressOf: (of: string, name: string): string | undefined => ingressOf(read(of, name))[0],
    /** What was requested about Services and blocks since the last call. */
    requests: (): readonly string[] => {
      const kinds = ['Service', 'AddressBlock']
      const own = client
        .requests()
        .filter(({ type, verb }) => kinds.includes(type.kind) && verb !== 'watch' && verb !== 'list')
      client.forgetRequests()
      return own.map(({ verb, type }) => `${verb} ${type.kind}`)
    },
  }
}

type Refuse = (verb: string, kind: string, namespace: string, name: string) => ApiFault | undefined

const fault = (code: FaultCode, status: number | undefined, retryAfterMs?: number): ApiFault => ({
  kind: 'fault',
  code,
  status,
  message: `refused with ${status ?? code}`,
  retryAfterMs,
})

/** The client; what is refused is counted by it, for it was sent, and not carried out. */
function refusing(client: MemoryClient, refuse: Refuse): MemoryClient {
  const armed = (verb: 'merge' | 'replace' | 'create' | 'get', kind: string, of: string, name: string): void => {
    const answer = refuse(verb, kind, of, name)
    const type = kind === 'Service' ? resourceTypes.Service : resourceTypes.AddressBlock
    if (answer !== undefined) client.failNext({ verbs: [verb], type, name }, answer)
  }
  return {
    ...client,
    merge: (type, key, patch, write) => {
      armed('merge', type.kind, key.namespace, key.name)
      return client.merge(type, key, patch, write)
    },
    replace: (type, object, write) => {
      armed('replace', type.kind, object.metadata.namespace ?? '', object.metadata.name)
      return client.replace(type, object, write)
    },
    create: (type, object, write) => {
      armed('create', type.kind, object.metadata.namespace ?? '', object.metadata.name)
      return client.create(type, object, write)
    },
  }
}

/** What becomes of Services of one namespace whose statuses cannot be written, by answer. */
const answers: readonly (readonly [string, ApiFault])[] = [
  ['403', fault('forbidden', 403)],
  ['409', fault('conflict', 409)],
  ['422', fault('invalid', 422)],
  ['429', fault('tooManyRequests', 429)],
  ['500', fault('serverError', 500)],
  ['503', fault('serverError', 503)],
  ['timeout', fault('timeout', undefined)],
]

for (const [name, answer] of answers) {
  // What may be the server's doing is tried again every half a minute, what is the object's own every few minutes.
  const isOwn = answer.status !== 429 && answer.status !== 503 && answer.status !== undefined

  test(`one Service whose status is refused for ever with ${name} costs less and less, and no flood of lines`, async () => {
    const { create, pass, refuse, requests, lines, controller, addressOf } = await createScene()
    refuse((_, kind, of) => (kind === 'Service' && of === 'tenant-a' ? answer : undefined))
    create('tenant-a', 'full')
    await pass(60_000)
    const first = requests()
    assert.ok(first.length <= 25, `${first.length} in the first minute`)
    lines.length = 0
    await pass(600_000)
    const later = requests()
    assert.ok(later.length <= (isOwn ? 10 : 50), `${later.length} in ten minutes: ${later.slice(0, 5).join()}`)
    assert.ok(lines.length <= (isOwn ? 5 : 25), `${lines.length} lines`)
    create('tenant-b', 'new')
    await pass(isOwn ? 10 : 1000)
    assert.ok(addressOf('tenant-b', 'new') !== undefined)
    await controller.stop()
  })

  test(`20 Services of a namespace whose statuses are refused with ${name} cost a bounded rate, and others are served`, async () => {
    const { create, pass, refuse, requests, lines, controller, addressOf } = await createScene()
    refuse((_, kind, of) => (kind === 'Service' && of === 'tenant-a' ? answer : undefined))
    for (let index = 0; index < 20; index += 1) create('tenant-a', `a-${index}`)
    await pass(60_000)
    const first = requests()
    assert.ok(first.length <= 220, `${first.length} in the first minute`)
    lines.length = 0
    await pass(600_000)
    const later = requests()
    assert.ok(later.length <= (isOwn ? 120 : 600), `${later.length} in ten minutes`)
    assert.ok(lines.length <= (isOwn ? 20 : 80), `${lines.length} lines`)
    for (let index = 0; index < 5; index += 1) create('tenant-b', `b-${index}`)
    await pass(isOwn ? 600 : 6000)
    const served = Array.from({ length: 5 }, (_, index) => addressOf('tenant-b', `b-${index}`) !== undefined)
    assert.deepEqual(served, [true, true, true, true, true])
    // Once nothing is refused any more, nobody is forgotten.
    refuse(() => undefined)
    await pass(310_000)
    for (let index = 0; index < 20; index += 1)
      assert.ok(addressOf('tenant-a', `a-${index}`) !== undefined, `a-${index}`)
    await controller.stop()
  })
}

test('a namespace in which every status write fails keeps nobody else waiting, from the first moment on', async () => {
  const { create, pass, refuse, controller, addressOf } = await createScene()
  refuse((_, kind, of) => (kind === 'Service' && of === 'tenant-a' ? fault('serverError', 500) : undefined))
  for (let index = 0; index < 40; index += 1) create('tenant-a', `a-${index}`)
  for (let index = 0; index < 5; index += 1) create('tenant-b', `b-${index}`)
  await pass(50)
  for (let index = 0; index < 5; index += 1) assert.ok(addressOf('tenant-b', `b-${index}`) !== undefined, `b-${index}`)
  await pass(5000)
  for (let index = 5; index < 10; index += 1) create('tenant-b', `b-${index}`)
  await pass(500)
  for (let index = 5; index < 10; index += 1) assert.ok(addressOf('tenant-b', `b-${index}`) !== undefined, `b-${index}`)
  await controller.stop()
})

test('the first failure of a namespace does not end the round, nor make the next one wait', async () => {
  const { create, pass, refuse, controller, addressOf } = await createScene()
  refuse((_, kind, of) => (kind === 'Service' && of === 'tenant-a' ? fault('serverError', 500) : undefined))
  for (let index = 0; index < 40; index += 1) create('tenant-a', `a-${index}`)
  await pass(10)
  create('tenant-b', 'b')
  await pass(10)
  assert.ok(addressOf('tenant-b', 'b') !== undefined)
  await controller.stop()
})

test('while a Service waits to be tried again its block is left alone, whatever else happens', async () => {
  const { create, pass, refuse, server, controller } = await createScene()
  refuse((_, kind, of) => (kind === 'Service' && of === 'tenant-a' ? fault('invalid', 422) : undefined))
  create('tenant-a', 'full')
  await pass(600_000)
  const block = (): unknown =>
    server.read(resourceTypes.AddressBlock, { namespace, name: 'ipv4-10.0.0.0' })?.metadata.resourceVersion
  const before = block()
  for (let index = 0; index < 10; index += 1) {
    create('tenant-b', `b-${index}`, { 'metallb.io/address-pool': 'other' })
    await pass(100)
  }
  assert.equal(block(), before)
  await controller.stop()
})

test('a block that cannot be written keeps only its own addresses waiting', async () => {
  for (const answer of [
    fault('serverError', 500),
    fault('invalid', 413),
    fault('forbidden', 403),
    fault('conflict', 409),
  ]) {
    const { create, pass, refuse, requests, controller, addressOf } = await createScene()
    refuse((_, kind, __, name) => (kind === 'AddressBlock' && name === 'ipv4-10.0.0.0' ? answer : undefined))
    for (let index = 0; index < 8; index += 1) create('tenant-a', `a-${index}`)
    await pass(1000)
    create('tenant-b', 'b', { 'metallb.io/address-pool': 'other' })
    await pass(50)
    assert.equal(addressOf('tenant-b', 'b'), '10.1.0.0', String(answer.status))
    requests()
    await pass(600_000)
    const later = requests()
    assert.ok(later.length <= 40, `${answer.status}: ${later.length} in ten minutes`)
    assert.equal(addressOf('tenant-a', 'a-0'), undefined)
    refuse(() => undefined)
    await pass(310_000)
    assert.equal(addressOf('tenant-a', 'a-0'), '10.0.0.0')
    await controller.stop()
  }
})

test('a server that fails whatever is asked of it is left in peace, and asked again', async () => {
  const { create, pass, refuse, requests, server, controller, addressOf } = await createScene()
  refuse((_, kind) => (kind === 'Service' ? fault('serverError', 500) : undefined))
  for (let index = 0; index < 200; index += 1) {
    server.put(resourceTypes.Namespace, { metadata: { name: `n-${index % 20}` } })
    create(`n-${index % 20}`, `s-${index}`)
  }
  await pass(10_000)
  const writes = requests().filter((one) => one === 'merge Service')
  assert.ok(writes.length <= 100, `${writes.length} status writes in 10 s`)
  refuse(() => undefined)
  await pass(60_000)
  const missing = Array.from({ length: 200 }, (_, index) => addressOf(`n-${index % 20}`, `s-${index}`)).filter(
    (address) => address === undefined,
  )
  assert.equal(missing.length, 0)
  await controller.stop()
})

test('what a server asks for is waited for, also where something changes meanwhile', async () => {
  const { create, pass, refuse, requests, controller, addressOf } = await createScene()
  refuse((_, kind) => (kind === 'Service' ? fault('tooManyRequests', 429, 20_000) : undefined))
  create('tenant-a', 'one')
  await pass(100)
  assert.deepEqual(requests(), ['create AddressBlock', 'merge Service'])
  for (let index = 0; index < 15; index += 1) {
    create('tenant-b', `b-${index}`)
    await pass(1000)
  }
  assert.deepEqual(requests(), [])
  refuse(() => undefined)
  await pass(10_000)
  assert.ok(addressOf('tenant-a', 'one') !== undefined)
  assert.ok(addressOf('tenant-b', 'b-14') !== undefined)
  await controller.stop()
})

test('a Service that was refused and is changed then is tried again within seconds', async () => {
  const { create, pass, refuse, controller, addressOf } = await createScene()
  refuse((_, kind, of) => (kind === 'Service' && of === 'tenant-a' ? fault('invalid', 422) : undefined))
  create('tenant-a', 'full', { x: 'y' })
  await pass(1_000_000)
  refuse(() => undefined)
  await pass(1000)
  assert.equal(addressOf('tenant-a', 'full'), undefined)
  create('tenant-a', 'full')
  await pass(50)
  assert.ok(addressOf('tenant-a', 'full') !== undefined)
  await controller.stop()
})

test('a status that was written although the answer is 500 has its event told once, and is not written again', async () => {
  const { client, create, pass, requests, server, controller, addressOf } = await createScene()
  const answer = fault('serverError', 500)
  client.failNext({ verbs: ['merge'], type: resourceTypes.Service, name: 'web' }, answer, { isPerformed: true })
  create('tenant-a', 'web')
  await pass(10_000)
  assert.ok(addressOf('tenant-a', 'web') !== undefined)
  assert.deepEqual(requests(), ['create AddressBlock', 'merge Service'])
  const reasons = server.readAll(resourceTypes.Event).map((event) => event['reason'])
  assert.deepEqual(reasons, ['IPAllocated'])
  await controller.stop()
})

test('our own block coming round begins no round, and what others make of it does', async () => {
  const { create, pass, refuse, server, controller, addressOf } = await createScene()
  create('tenant-b', 'web')
  await pass(1000)
  refuse((_, kind, of) => (kind === 'Service' && of === 'tenant-a' ? fault('invalid', 422) : undefined))
  const before = controller.counts().rounds
  create('tenant-a', 'full')
  await pass(100)
  // The Service, and the status of its pool.
  assert.equal(controller.counts().rounds - before, 2)
  refuse(() => undefined)
  await pass(10_000)
  assert.ok(addressOf('tenant-a', 'full') !== undefined)
  const key = { namespace, name: 'ipv4-10.0.0.0' }
  const block = server.read(resourceTypes.AddressBlock, key)
  assert.ok(block)
  server.drop(resourceTypes.AddressBlock, key)
  await pass(1000)
  const again = server.read(resourceTypes.AddressBlock, key)
  assert.deepEqual((again?.['spec'] as { readonly inUse: number } | undefined)?.inUse, 2)
  await controller.stop()
})

test('eight Services with sharing keys of 250 kB are refused, and stop nobody', async () => {
  const { create, pass, server, controller, addressOf } = await createScene()
  for (let index = 0; index < 8; index += 1) {
    create('tenant-a', `evil-${index}`, { 'metallb.io/allow-shared-ip': String(index).padEnd(250_000, 'x') })
  }
  create('tenant-b', 'web')
  await pass(1000)
  assert.ok(addressOf('tenant-b', 'web') !== undefined)
  assert.equal(addressOf('tenant-a', 'evil-0'), undefined)
  const evil = server.read(resourceTypes.Service, { namespace: 'tenant-a', name: 'evil-0' })
  assert.ok(evil)
  assert.equal(conditionOf(evil, assignedCondition)?.reason, 'SharingKeyTooLong')
  await controller.stop()
})

test('a block that an older version wrote with whole terms moves nobody, and is written shorter', async () => {
  const { create, pass, server, controller, addressOf, start } = await createScene()
  const key = 'k'.repeat(200)
  for (const [index, name] of ['one', 'two'].entries()) {
    create('tenant-a', name, { 'metallb.io/allow-shared-ip': key }, 80 + index)
  }
  await pass(1000)
  await controller.stop()
  const name = { namespace, name: 'ipv4-10.0.0.0' }
  const block = server.read(resourceTypes.AddressBlock, name)
  assert.ok(block)
  const spec = specOf(block)
  const whole = (port: number): string => `${JSON.stringify([key, ''])} TCP/${port}`
  const [{ holders: before } = assert.fail()] = spec.addresses
  const holders = before.map((one) => ({ ...one, terms: whole(one.name === 'one' ? 80 : 81) }))
  server.put(resourceTypes.AddressBlock, {
    ...block,
    spec: encodeBlock({ ...spec, addresses: [{ address: '10.0.0.0', pool: 'gold', holders }] }),
  })
  const events = server.readAll(resourceTypes.Event).length
  const next = start()
  await pass(20_000)
  assert.deepEqual([addressOf('tenant-a', 'one'), addressOf('tenant-a', 'two')], ['10.0.0.0', '10.0.0.0'])
  const now = specOf(server.read(resourceTypes.AddressBlock, name))
  assert.deepEqual(
    now.addresses[0]?.holders.map(({ terms = '' }) => terms.slice(0, 7)),
    ['sha256:', 'sha256:'],
  )
  assert.equal(server.readAll(resourceTypes.Event).length, events)
  create('tenant-b', 'three', { 'metallb.io/allow-shared-ip': key }, 82)
  await pass(1000)
  assert.equal(addressOf('tenant-b', 'three'), '10.0.0.0')
  await next.stop()
})
