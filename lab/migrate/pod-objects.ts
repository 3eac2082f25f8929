import type { PodPlan } from './pod.ts'
import { containerIn } from './pod.ts'
import type { Workload } from './workloads.ts'

/** The Pod, with what others read of it. */
export const podObject = (plan: PodPlan, labels: Readonly<Record<string, string>>): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: plan.name, labels },
  spec: {
    nodeName: plan.node,
    serviceAccountName: plan.template.at('spec').at('serviceAccountName').text(),
    containers: [
      { name: containerIn(plan.template).at('name').text(), image: containerIn(plan.template).at('image').text() },
    ],
  },
})

/** As a kubelet writes it. */
export const podStatus = ({ place }: PodPlan, isReady: boolean): object => ({
  status: {
    phase: 'Running',
    hostIP: place.ipv4,
    podIP: place.ipv4,
    podIPs: [{ ip: place.ipv4 }],
    conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
  },
})

/** Of a Deployment or a DaemonSet, as their controllers write it. */
export function statusOf(
  { kind, generation, slots }: Workload,
  counts: { readonly pods: number; readonly current: number; readonly ready: number },
): object {
  if (kind === 'Deployment') {
    const { pods, current, ready } = counts
    return {
      observedGeneration: generation,
      replicas: pods,
      updatedReplicas: current,
      readyReplicas: ready,
      availableReplicas: ready,
    }
  }
  return {
    observedGeneration: generation,
    desiredNumberScheduled: slots.length,
    currentNumberScheduled: counts.pods,
    updatedNumberScheduled: counts.current,
    numberMisscheduled: 0,
    numberReady: counts.ready,
    numberAvailable: counts.ready,
  }
}
