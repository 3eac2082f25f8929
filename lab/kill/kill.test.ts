// A node that is killed, and one that leaves, under traffic.
//
//   client ---- router ---- switch ---- node-a, node-b   AS 64500, holdfast standalone, the VIPs on their loopbacks
//   1,000 packets/s to each VIP         a UDP receiver each
//               FRR or BIRD, AS 64512, graceful-restart helper, forwards by the kernel
//
// Claims, for each of the two routers:
//  1  kill -9 and a new start lose no packet: the router's kernel keeps its routes as they are, its sessions are back
//     soon, with the R bit and End-of-RIB. `node lab/kill/run.ts` does the same 30 times.
//  2  SIGTERM is leaving: the routes are marked with GRACEFUL_SHUTDOWN, then withdrawn, then the session ends, with a Hard
//     Reset where the router would keep the routes otherwise; with a second node no packet is lost.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { labSkip } from '../harness/capability.ts'
import { examineLeave } from './leave.ts'
import { examineRestarts } from './restarts.ts'

const times = 3
/** Two seconds on a machine with time to spare, which one that runs the other suites at the same time has not. */
const patienceMs = 5000

describe('a killed node comes back', { skip: labSkip() }, () => {
  for (const router of ['FRR', 'BIRD'] as const) {
    test(`${router} keeps the routes, and no packet is lost [rfc4724-4.1-forwarding-preserved]`, async () => {
      const found = await examineRestarts(router, times)
      assert.ok(found.sent > 1000, `${found.sent} packets`)
      assert.deepEqual(found.routeChanges, [])
      assert.equal(found.lost, 0)
      assert.deepEqual([found.restartsSeen, found.completions], [times, times])
      assert.ok(Math.max(...found.establishedMs) < patienceMs, `${found.establishedMs.join()} ms`)
    })
  }
})

describe('a node leaves', { skip: labSkip() }, () => {
  const farewells = {
    // With BFD we offer the N bit (RFC 8538): without a Hard Reset FRR would keep the routes.
    FRR: ['graceful-shutdown', 'withdrawn', '(Hard Reset) Cease/Administrative Shutdown'],
    // BIRD 2.0.12 does not know the N bit of RFC 8538, so that any NOTIFICATION makes it drop the routes.
    BIRD: ['(65535,0)', 'withdrawn', 'Administrative shutdown'],
  }
  for (const router of ['FRR', 'BIRD'] as const) {
    test(`${router} is told before the routes go, and no packet is lost [rfc8326-4.2-readvertise]`, async () => {
      const found = await examineLeave(router)
      assert.ok(
        [...found.byNode.values()].every((count) => count > 0),
        'both nodes had traffic',
      )
      assert.equal(found.lost, 0)
      assert.deepEqual(found.farewells, [farewells[router], farewells[router]])
    })
  }
})
