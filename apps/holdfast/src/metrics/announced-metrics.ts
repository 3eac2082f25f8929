import type { NodePlan } from '@holdfast/announce'
import { equalAddresses, formatAddress } from '@holdfast/ip'
import type { Model } from '@holdfast/model'
import type { MetricFamily, Sample } from './exposition.ts'

/** `metallb_speaker_announced`, as MetalLB's speaker has it: 1 for every address that the node announces for a Service. */
export function announcedMetrics(node: string, model: Model, plan: NodePlan): readonly MetricFamily[] {
  const samples = [...plan.decisions].flatMap(([service, decision]): readonly Sample[] => {
    if (decision.kind !== 'announced') return []
    const held = model.services.get(service)?.ingress ?? []
    return held
      .filter((address) => !decision.withheld.some((one) => equalAddresses(one.address, address)))
      .map((address) => ({ labels: { service, protocol: 'bgp', node, ip: formatAddress(address) }, value: 1 }))
  })
  const help = 'Services that this node announces, with each of their addresses.'
  return [{ name: 'metallb_speaker_announced', type: 'gauge', help, samples }]
}
