import { z } from 'zod'
import { readAddress } from './text.ts'

/*
 * What we read of Kubernetes' own kinds. Fields that are not listed are ignored, and null is the same as nothing: the
 * API server has checked these objects, and writes null for empty lists.
 */

const listOf = <E extends z.ZodType>(element: E) => z.array(element).nullish()
const text = z.string().nullish()
const texts = z.record(z.string(), z.string()).nullish()

/** clusterIPs may hold "None" (headless) and, before an address is given, "". */
const clusterIp = z.string().transform((address, context) => {
  if (address === '' || address === 'None') return undefined
  const reading = readAddress(address)
  if (reading.ok) return reading.value
  context.addIssue({ code: 'custom', params: { ...reading.problem } })
  return z.NEVER
})

const port = z.object({
  name: text,
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).nullish(),
  port: z.int().min(1).max(65_535),
})

/** v1 Service. */
export const serviceFields = {
  spec: z
    .object({
      type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName', '']).nullish(),
      loadBalancerClass: text,
      loadBalancerIP: text,
      externalTrafficPolicy: z.enum(['Cluster', 'Local', '']).nullish(),
      clusterIP: clusterIp.nullish(),
      clusterIPs: listOf(clusterIp),
      ipFamilies: listOf(z.enum(['IPv4', 'IPv6'])),
      ipFamilyPolicy: z.enum(['SingleStack', 'PreferDualStack', 'RequireDualStack']).nullish(),
      ports: listOf(port),
      selector: texts,
    })
    .nullish(),
  status: z
    .object({
      loadBalancer: z.object({ ingress: listOf(z.object({ ip: text })) }).nullish(),
      conditions: listOf(z.object({ type: z.string(), reason: text })),
    })
    .nullish(),
}

const endpoint = z.object({
  addresses: listOf(z.string()),
  nodeName: text,
  conditions: z.object({ ready: z.boolean().nullish(), serving: z.boolean().nullish() }).nullish(),
})

/** discovery.k8s.io/v1 EndpointSlice. */
export const endpointSliceFields = { endpoints: listOf(endpoint) }

/** v1 Node. */
export const nodeFields = {
  status: z
    .object({
      conditions: listOf(z.object({ type: z.string(), status: z.string() })),
      addresses: listOf(z.object({ type: z.string(), address: z.string() })),
    })
    .nullish(),
}

/** v1 Secret: only whether there is a password is kept. */
export const secretFields = { type: text, data: texts, stringData: texts }
