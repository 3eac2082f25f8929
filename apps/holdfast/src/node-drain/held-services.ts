import type { KubeApi, KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import { prefixContains, parseAddress, parsePrefix } from '@holdfast/ip'
import { listAt, textAt } from '../kubernetes/fields-at.ts'
import type { DrainProgress } from './progress.ts'
import { lastAnnouncerRemedy } from './progress.ts'

/** Services that are named; a drain that is held back by more of them is held back by what they have in common. */
const mostNames = 8

/** Whose prefixes are held back, in the remedy. As it is where this person may not list Services. Never rejects. */
export async function withServices(api: Pick<KubeApi, 'list'>, progress: DrainProgress): Promise<DrainProgress> {
  const { heldBack = [] } = progress
  if (heldBack.length === 0) return progress
  const found = await api.list(resourceTypes.Service, { fieldSelector: 'spec.type=LoadBalancer' })
  if (found.kind === 'fault') return progress
  const services = servicesIn(found.value.items, heldBack)
  if (services.length === 0) return progress
  const more = services.length > mostNames ? ` and ${services.length - mostNames} more` : ''
  const names = `${services.slice(0, mostNames).join(', ')}${more}`
  return { ...progress, services, remedy: lastAnnouncerRemedy(`It belongs to ${names}`) }
}

/** `NAMESPACE/NAME` of those with an address in one of the prefixes. */
function servicesIn(services: readonly KubeObject[], prefixes: readonly string[]): readonly string[] {
  return services
    .filter((service) =>
      listAt(service, 'status', 'loadBalancer', 'ingress').some((one) => isIn(textAt(one, 'ip'), prefixes)),
    )
    .map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`)
    .sort()
}

function isIn(ip: string, prefixes: readonly string[]): boolean {
  const address = parseAddress(ip)
  if (!address.ok) return false
  return prefixes.some((text) => {
    const prefix = parsePrefix(text)
    return prefix.ok && prefixContains(prefix.value, address.value)
  })
}
