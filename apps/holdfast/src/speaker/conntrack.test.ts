import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentSeconds } from './conntrack.ts'

const timeouts = new Map([
  ['tcp', [86400, 300, 300]],
  ['udp', [120]],
])
const way =
  'src=198.51.100.7 dst=192.0.2.10 sport=36633 dport=8080 src=10.244.0.2 dst=198.51.100.7 sport=8080 dport=36633'

/** Lines of the file and of the command, of kernel 6.18 and conntrack 1.4.7. */
const lines: readonly (readonly [what: string, line: string, seconds: number])[] = [
  ['just passed', `ipv4     2 tcp      6 86400 ESTABLISHED ${way} [ASSURED] mark=0 zone=0 use=2`, 0],
  ['silent for 10 s', `ipv4     2 tcp      6 86390 ESTABLISHED ${way} [ASSURED] mark=0 zone=0 use=2`, 10],
  ['the same by the command', `tcp      6 86390 ESTABLISHED ${way} [ASSURED] mark=0 use=1`, 10],
  ['IPv6', `ipv6     10 tcp      6 86339 ESTABLISHED ${way} [ASSURED] mark=0 zone=0 use=2`, 61],
  // The pod has sent something 3 s ago that nobody acknowledged: the kernel took the time for that.
  ['not acknowledged', `ipv4     2 tcp      6 297 ESTABLISHED ${way} [ASSURED] mark=0 zone=0 use=2`, 3],
  ['not acknowledged, given up', `ipv4     2 tcp      6 200 ESTABLISHED ${way} [ASSURED] mark=0 zone=0 use=2`, 100],
  ['UDP', `ipv4     2 udp      17 113 ${way} [ASSURED] mark=0 zone=0 use=2`, 7],
  ['made when the time was another', `tcp      6 431993 ESTABLISHED ${way} [ASSURED] mark=0 use=1`, 0],
  ['past the connection tracking', `ipv4     2 tcp      6 ${way} [OFFLOAD] mark=0 zone=0 use=3`, 0],
  ['of a protocol without known times', `ipv4     2 sctp     132 100 ESTABLISHED ${way} [ASSURED] use=2`, 0],
  ['something else', 'conntrack v1.4.7 (conntrack-tools): 2 flow entries have been shown.', 0],
]

for (const [what, line, seconds] of lines) {
  test(`how long an entry is silent: ${what}`, () => assert.equal(silentSeconds(line, timeouts), seconds))
}

test('without the times nothing is known to be silent', () => {
  for (const [, line] of lines) assert.equal(silentSeconds(line, new Map()), 0)
})
