import type { KubeObject } from '@holdfast/cluster'
import { assignedCondition } from '../explain/assigned-condition.ts'
import { listAt, textAt, valueAt } from '../kubernetes/fields-at.ts'

export interface ServicesOverview {
  /** Of type LoadBalancer and of the class asked about. */
  readonly total: number
  readonly assigned: number
  /** Those without an address, each with the reason as the controller says it. */
  readonly waiting: readonly ServiceWord[]
  /** Those with an address, which is not what they ask for. */
  readonly unmet: readonly ServiceWord[]
  /** Those with an address that no node announces. */
  readonly unannounced: readonly ServiceWord[]
}

/** What is said of one Service. */
export interface ServiceWord {
  readonly service: string
  readonly reason: string
  readonly message: string
}

/** What Services lack, by their conditions. */
export function servicesOf(services: Iterable<KubeObject>, loadBalancerClass: string | undefined): ServicesOverview {
  const ours = [...services].filter((service) => isOf(service, loadBalancerClass))
  const waiting = ours.filter((service) => !hasAddress(service))
  const held = ours.filter(hasAddress)
  return {
    total: ours.length,
    assigned: held.length,
    waiting: waiting.map((service) => wordOf(service, assignedCondition(service) ?? unsaid)),
    unmet: held.flatMap((service) => unmet(service)),
    unannounced: held.flatMap((service) => unannounced(service)),
  }
}

const isOf = (service: KubeObject, loadBalancerClass: string | undefined): boolean =>
  valueAt(service, 'spec', 'type') === 'LoadBalancer' &&
  valueAt(service, 'spec', 'loadBalancerClass') === loadBalancerClass

const hasAddress = (service: KubeObject): boolean => listAt(service, 'status', 'loadBalancer', 'ingress').length > 0

const unsaid = { reason: 'Unknown', message: 'the controller has said nothing of it' }

const wordOf = (
  { metadata }: KubeObject,
  { reason, message }: Pick<ServiceWord, 'reason' | 'message'>,
): ServiceWord => ({ service: `${metadata.namespace ?? ''}/${metadata.name}`, reason, message })

/** The condition says what is in the way of a request also while an address is held. */
function unmet(service: KubeObject): readonly ServiceWord[] {
  const said = assignedCondition(service)
  return said === undefined || said.reason === 'Assigned' ? [] : [wordOf(service, said)]
}

function unannounced(service: KubeObject): readonly ServiceWord[] {
  const said = listAt(service, 'status', 'conditions').find((one) => textAt(one, 'type') === 'holdfast.dev/Announced')
  if (textAt(said, 'status') !== 'False') return []
  return [wordOf(service, { reason: textAt(said, 'reason'), message: textAt(said, 'message') })]
}
