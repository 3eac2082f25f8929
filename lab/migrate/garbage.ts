import type { ApiClient } from '../cluster/api-client.ts'
import type { Json } from '../harness/json.ts'

/** Deletes, as Kubernetes' garbage collector, what belongs to pods that are gone. Of the kinds that speakers and controllers write. */
export async function removeDependents(api: ApiClient, namespace: string): Promise<void> {
  const pods = (await api.get(`/api/v1/namespaces/${namespace}/pods`)).at('items').list()
  const uids = new Set(pods.map((pod) => pod.at('metadata').at('uid').text()))
  for (const kind of ['servicebgpstatuses', 'configurationstates']) {
    const path = `/apis/metallb.io/v1beta1/namespaces/${namespace}/${kind}`
    for (const object of (await api.get(path)).at('items').list()) {
      const owners = podsIn(object)
      if (owners.length === 0 || owners.some((uid) => uids.has(uid))) continue
      await api.send('DELETE', `${path}/${object.at('metadata').at('name').text()}`)
    }
  }
}

const podsIn = (object: Json): readonly string[] =>
  object
    .at('metadata')
    .at('ownerReferences')
    .list()
    .filter((owner) => owner.at('kind').text() === 'Pod')
    .map((owner) => owner.at('uid').text())
