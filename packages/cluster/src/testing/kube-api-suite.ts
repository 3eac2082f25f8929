import { after, before, beforeEach, describe } from 'node:test'
import { createStage, type KubeApiFixture } from './kube-api-stage.ts'
import { describeLists, describeSelections } from './kube-api-suite-lists.ts'
import { describeApply } from './kube-api-suite-apply.ts'
import { describePatches, describePreconditions } from './kube-api-suite-patches.ts'
import { describeWatchEnds, describeWatches } from './kube-api-suite-watches.ts'
import { describeWrites } from './kube-api-suite-writes.ts'

export { suiteNamespaces, suiteTypes, type KubeApiFixture } from './kube-api-stage.ts'

/** What every `KubeApi` must do: each promise of api.ts, as a real kube-apiserver keeps it. */
export function kubeApiSuite(name: string, makeApi: () => Promise<KubeApiFixture>): void {
  describe(`${name} keeps the contract of KubeApi`, () => {
    const stage = createStage()
    before(async () => stage.open(await makeApi()))
    beforeEach(async () => await stage.clear())
    after(async () => await stage.close())

    describeLists(stage)
    describeSelections(stage)
    describeWatches(stage)
    describeWatchEnds(stage)
    describeWrites(stage)
    describeApply(stage)
    describePatches(stage)
    describePreconditions(stage)
  })
}
