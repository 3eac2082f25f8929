import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ipv4 } from '@holdfast/ip'
import { nextHopMistake } from './attribute-rules.ts'
import { external } from './testing/vectors.ts'

test('a route with our own address as its next hop is called what it mostly is', () => {
  const own = ipv4(0xc00002fe)
  const mistake = nextHopMistake(own, { ...external, localAddress: own })
  assert.match(
    mistake?.message ?? '',
    /^is our own address, as in a route of ours .*: it is ignored, and the session is well$/,
  )
})
