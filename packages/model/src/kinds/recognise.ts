import type { Address } from '@holdfast/ip'
import type { z } from 'zod'
import { isRecord } from '../fields.ts'
import type { endpointSliceFields, serviceFields } from '../schemas/core.ts'
import { readName } from '../schemas/metadata.ts'
import type { metadataSchema } from '../schemas/metadata.ts'
import { readAddress } from '../schemas/text.ts'

/*
 * Services and EndpointSlices come by the ten thousand, and nearly all are what the API server makes them: their fields are looked at
 * one by one here, at a small part of what the schemas cost, and the values stay those of the object. Whatever does not look right is
 * left to the schemas. That both say the same is a property in recognise.property.test.ts.
 */

type Metadata = z.output<typeof metadataSchema>
type ServiceSpec = z.output<(typeof serviceFields)['spec']>
type ServiceStatus = z.output<(typeof serviceFields)['status']>
type Endpoints = z.output<(typeof endpointSliceFields)['endpoints']>

type Recognised<T> = T | undefined
type Fields = Readonly<Record<string, unknown>>

/** A v1 Service as its schema gives it; undefined: that is to judge. */
export function recogniseService(
  value: unknown,
): Recognised<{ readonly metadata: Metadata; readonly spec: ServiceSpec; readonly status: ServiceStatus }> {
  if (!isRecord(value) || !isMetadata(value['metadata'])) return undefined
  const { metadata, spec = {}, status = {} } = value
  if (!isServiceSpec(spec) || !isServiceStatus(status)) return undefined
  const addresses = clusterIPsOf(spec)
  return addresses === undefined ? undefined : { metadata, spec: { ...spec, ...addresses }, status }
}

/** A discovery.k8s.io/v1 EndpointSlice as its schema gives it; undefined: that is to judge. */
export function recogniseEndpointSlice(
  value: unknown,
): Recognised<{ readonly metadata: Metadata; readonly endpoints: Endpoints }> {
  if (!isRecord(value) || !isMetadata(value['metadata'])) return undefined
  const { metadata, endpoints = [] } = value
  return isListOf(endpoints, isEndpoint) ? { metadata, endpoints } : undefined
}

const isMetadata = (value: unknown): value is Metadata =>
  isRecord(value) &&
  isText(value['name']) &&
  readName(value['name']).ok &&
  isTextOrNothing(value['namespace']) &&
  isTextOrNothing(value['uid']) &&
  isTextsOrNothing(value['labels']) &&
  isTextsOrNothing(value['annotations'])

/** A spec whose cluster addresses are still texts. */
type SpecWithTexts = Omit<NonNullable<ServiceSpec>, 'clusterIP' | 'clusterIPs'> & Fields

const isServiceSpec = (value: unknown): value is SpecWithTexts =>
  isRecord(value) &&
  isOneOf(value['type'], ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName', '']) &&
  isOneOf(value['externalTrafficPolicy'], ['Cluster', 'Local', '']) &&
  isOneOf(value['ipFamilyPolicy'], ['SingleStack', 'PreferDualStack', 'RequireDualStack']) &&
  isTextOrNothing(value['loadBalancerClass']) &&
  isTextOrNothing(value['loadBalancerIP']) &&
  isTextsOrNothing(value['selector']) &&
  isListOrNothing(value['ports'], isPort) &&
  isListOrNothing(value['ipFamilies'], (family) => family === 'IPv4' || family === 'IPv6')

const isServiceStatus = (value: unknown): value is ServiceStatus =>
  isRecord(value) && isLoadBalancer(value['loadBalancer']) && isListOrNothing(value['conditions'], isCondition)

const isLoadBalancer = (value: unknown): boolean =>
  value === undefined ||
  (isRecord(value) && isListOrNothing(value['ingress'], (one) => isRecord(one) && isTextOrNothing(one['ip'])))

const isCondition = (value: unknown): boolean =>
  isRecord(value) && isText(value['type']) && isTextOrNothing(value['reason'])

const isPort = (value: unknown): boolean =>
  isRecord(value) &&
  isTextOrNothing(value['name']) &&
  isOneOf(value['protocol'], ['TCP', 'UDP', 'SCTP']) &&
  Number.isInteger(value['port']) &&
  Number(value['port']) >= 1 &&
  Number(value['port']) <= 65_535

const isEndpoint = (value: unknown): value is NonNullable<Endpoints>[number] =>
  isRecord(value) &&
  isListOrNothing(value['addresses'], isText) &&
  isTextOrNothing(value['nodeName']) &&
  isEndpointConditions(value['conditions'])

const isEndpointConditions = (value: unknown): boolean =>
  value === undefined || (isRecord(value) && isFlagOrNothing(value['ready']) && isFlagOrNothing(value['serving']))

/** The cluster addresses of a spec, read; undefined: one of them is none. */
function clusterIPsOf({ clusterIP, clusterIPs }: Fields): Recognised<{
  readonly clusterIP?: Address | undefined
  readonly clusterIPs?: (Address | undefined)[]
}> {
  const [one, several] = [clusterIP === undefined ? [] : [clusterIP], clusterIPs ?? []]
  if (clusterIPs === null || !Array.isArray(several)) return undefined
  const [first, all] = [clusterIPsIn(one), clusterIPsIn(several)]
  if (first === undefined || all === undefined) return undefined
  return {
    ...(clusterIP === undefined ? {} : { clusterIP: first[0] }),
    ...(clusterIPs === undefined ? {} : { clusterIPs: all }),
  }
}

function clusterIPsIn(texts: readonly unknown[]): Recognised<(Address | undefined)[]> {
  const addresses: (Address | undefined)[] = []
  for (const text of texts) {
    if (!isText(text)) return undefined
    if (text === '' || text === 'None') addresses.push(undefined)
    else {
      const reading = readAddress(text)
      if (!reading.ok) return undefined
      addresses.push(reading.value)
    }
  }
  return addresses
}

const isText = (value: unknown): value is string => typeof value === 'string'

const isTextOrNothing = (value: unknown): boolean => value === undefined || isText(value)

const isFlagOrNothing = (value: unknown): boolean => value === undefined || typeof value === 'boolean'

const isOneOf = (value: unknown, texts: readonly unknown[]): boolean => value === undefined || texts.includes(value)

const isListOf = <T>(value: unknown, isOne: (item: unknown) => item is T): value is T[] =>
  Array.isArray(value) && value.every(isOne)

const isListOrNothing = (value: unknown, isOne: (item: unknown) => boolean): boolean =>
  value === undefined || (Array.isArray(value) && value.every(isOne))

function isTextsOrNothing(value: unknown): boolean {
  if (value === undefined) return true
  if (!isRecord(value)) return false
  for (const name in value) if (name === '__proto__' || !isText(value[name])) return false
  return true
}
