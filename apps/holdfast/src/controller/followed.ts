import type { Followed as FollowedKind, KubernetesSource, KubeObject, Snapshot } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { controllerKeeps } from './kept.ts'
import type { Followed } from './reconciler.ts'

/** Name of the controller's ConfigurationState, as MetalLB names it. */
export const configurationStateName = 'controller'

/**
 * What the controller follows. Without Services, namespaces and blocks it cannot know who holds what; of the rest it says what is
 * wrong. It has no access to Secrets.
 */
export function followedByController(
  namespace: string,
  keeps: ReturnType<typeof controllerKeeps>,
): readonly FollowedKind[] {
  const own = (kind: keyof typeof resourceTypes, isOptional: boolean): FollowedKind => ({
    type: resourceTypes[kind],
    selection: { namespace },
    keep: keeps(kind),
    isOptional,
  })
  const all = (kind: keyof typeof resourceTypes, fieldSelector?: string): FollowedKind => ({
    type: resourceTypes[kind],
    selection: fieldSelector === undefined ? {} : { fieldSelector },
    keep: keeps(kind),
    isOptional: false,
  })
  return [
    all('Service', 'spec.type=LoadBalancer'),
    all('Namespace'),
    all('Node'),
    own('AddressBlock', false),
    own('IPAddressPool', true),
    own('BGPAdvertisement', true),
    own('BGPPeer', true),
    own('BFDProfile', true),
    own('Community', true),
    own('PeerPolicy', true),
    own('L2Advertisement', true),
    {
      type: resourceTypes.ConfigurationState,
      selection: { namespace, fieldSelector: `metadata.name=${configurationStateName}` },
      keep: keeps('ConfigurationState'),
      isOptional: true,
    },
  ]
}

/**
 * What a snapshot says, with the newest versions of objects that say the same as in it. A Service that says something else by now is for
 * the next snapshot, since the plan is made from this one.
 */
export function followedOf(snapshot: Snapshot, source: Pick<KubernetesSource, 'newest' | 'objects'>): Followed {
  const services: KubeObject[] = []
  const pools: KubeObject[] = []
  for (const raw of snapshot.objects) {
    const { kind } = raw.value as KubeObject
    if (kind === 'Service') services.push(source.newest(raw))
    else if (kind === 'IPAddressPool') pools.push(raw.value as KubeObject)
  }
  const blocks = new Map<string, KubeObject>()
  for (const block of source.objects(resourceTypes.AddressBlock)) blocks.set(block.metadata.name, block)
  return { snapshot, services, pools, blocks }
}
