import type { KubeObject } from '@holdfast/cluster'
import { listAt, textAt } from './fields-at.ts'

/** What a ServiceBGPStatus says: a node offers a Service to these BGPPeers. */
export interface Offer {
  readonly node: string
  /** Key `namespace/name` of the Service. */
  readonly service: string
  /** Names of BGPPeers. */
  readonly peers: readonly string[]
}

/** Of a ServiceBGPStatus as the API server has it. */
export const offerOf = ({ status }: KubeObject): Offer => ({
  node: textAt(status, 'node'),
  service: `${textAt(status, 'serviceNamespace')}/${textAt(status, 'serviceName')}`,
  peers: listAt(status, 'peers').filter((peer) => typeof peer === 'string'),
})
