import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { addressText } from './figures.ts'
import { Router } from './router.ts'

// From RFC 4271 section 4, by hand. AS 64500, hold time 90 s, identifier 10.0.0.1, no capability.
const marker = 'ff'.repeat(16)
const open = `${marker}001d01` + '04fbf4005a0a00000100'
const keepalive = `${marker}001304`
// ORIGIN IGP, AS_PATH 64500, NEXT_HOP 127.0.0.1.
const attributes = '40010100' + '4002040201fbf4' + '4003047f000001'
const twoRoutes = `${marker}003302` + '0000' + '0012' + attributes + '200a400001' + '200a400002'
const oneGone = `${marker}001c02` + '0005' + '200a400001' + '0000'
const endOfRib = `${marker}001702` + '0000' + '0000'

test('the router knows what a speaker announces and withdraws, however the bytes are cut, and forgets it with the session', async () => {
  const router = await Router.listen({ address: '127.0.0.1', port: 0 })
  try {
    const socket = connect({ port: router.port, host: '127.0.0.1', noDelay: true })
    socket.write(Buffer.from(open, 'hex'))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    assert.equal(answer[18], 1)
    await router.until('the session is there', () => router.isUp, 1000)

    const bytes = Buffer.from(keepalive + twoRoutes + endOfRib, 'hex')
    for (const byte of bytes) socket.write(Buffer.from([byte]))
    const before = performance.now()
    const readAtMs = await router.until('two routes', () => router.routes.size === 2, 1000)
    assert.ok(readAtMs >= before && readAtMs <= performance.now())
    assert.deepEqual([...router.routes.keys()].map(addressText), ['10.64.0.1', '10.64.0.2'])

    socket.write(Buffer.from(oneGone, 'hex'))
    await router.until('one route', () => router.routes.size === 1, 1000)
    assert.deepEqual([...router.routes.keys()].map(addressText), ['10.64.0.2'])
    assert.equal(router.updates, 2)

    socket.destroy()
    await router.until('the session has ended', () => !router.isUp, 1000)
    assert.equal(router.routes.size, 0)
    await assert.rejects(
      router.until('a route', () => router.routes.size === 1, 50),
      /not within 50 ms: a route/,
    )
  } finally {
    router.close()
  }
})
