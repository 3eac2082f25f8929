import { resourceTypes } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWorld, namespace, shop } from './testing/world.ts'

test('an outage of ten minutes is a handful of lines, and one says that it is over', async () => {
  const { server, replica, until, pass, lines } = createWorld()
  server.put(resourceTypes.Namespace, { metadata: { name: shop } })
  server.put(resourceTypes.IPAddressPool, {
    metadata: { name: 'public', namespace },
    spec: { addresses: ['192.0.2.0/24'] },
  })
  const { controller, client } = replica('one')
  await until('it leads', () => controller.planned() !== undefined)
  await pass(30_000)
  const before = lines.length
  client.setOutage('refused')
  await pass(600_000)
  client.setOutage(undefined)
  await until('it leads again', () => controller.isLeader())
  await pass(60_000)
  const told = lines
    .slice(before)
    .map((line) => JSON.parse(line) as { readonly level: string; readonly event: string })
    .filter(({ level }) => level !== 'debug')
    .map(({ level, event }) => `${level} ${event}`)
  assert.deepEqual(told, ['warn apiFault', 'warn leaseFault', 'warn notLeading', 'info leading', 'info apiFaultsOver'])
})
