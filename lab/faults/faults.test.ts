// Speakers and controllers behind proxies that make every kind of fault, in front of a real API server and a real router.
//
//   kube-apiserver, etcd                                /-- node-0  10.0.0.11  holdfast speaker
//   proxies, one each: 10.0.0.1:PORT                   /--- node-1  10.0.0.12  holdfast speaker
//   router --------------------------------- switch --<     ...
//   10.0.0.1, FRR, AS 64512                |
//                                          client: holdfast controller, two, each with a pool and a class of its own
//
// Claims, for each kind of fault of `kinds.ts`:
//  1  The router's kernel and bgpd never lose a route that should be there, nor the session.
//  2  No Service loses its address, gets another one, or has one that is another Service's.
//  3  What is changed during the fault has come through 30 s after its end; where the fault is bearable, 30 s after the change.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { clusterSkip } from '../cluster/capability.ts'
import { labSkip } from '../harness/capability.ts'
import { kinds } from './kinds.ts'
import { packetLossSkip } from './packets.ts'
import { shortPlan } from './plan.ts'
import { examineFaults, findingText } from './suite.ts'

describe(
  'faults of the API server and of the way to it',
  { skip: labSkip() || clusterSkip() || packetLossSkip() },
  () => {
    test('no route and no address is lost, and everything is well within 30 s', async () => {
      const findings = await examineFaults({
        protocols: ['h2', 'http/1.1'],
        speakers: 8,
        controllers: 2,
        plan: shortPlan,
        lastsMs: 2500,
        fillers: 0,
        found: () => undefined,
      })
      const tried = new Set(shortPlan.speakers.flatMap((trial) => trial.kinds))
      assert.deepEqual(
        kinds.filter((kind) => !tried.has(kind)).map(({ name }) => name),
        ['list without its later pages'],
      )
      assert.deepEqual(findings.filter(({ problem }) => problem !== undefined).map(findingText), [])
    })
  },
)
