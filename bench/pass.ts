// What one change of a manifest costs among many: evaluation, allocation and announcement plan together, without files.
import { parseManifest } from '@holdfast/cluster/manifests'
import { emptyState } from '@holdfast/ipam'
import { Pipeline } from '../apps/holdfast/src/standalone/pipeline.ts'

const site = `
apiVersion: v1
kind: Node
metadata: { name: node-a }
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: { name: router, namespace: metallb-system }
spec: { myASN: 64512, peerASN: 64500, peerAddress: 10.0.0.1 }
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: public, namespace: metallb-system }
spec: { addresses: [10.0.0.0/8] }
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: { name: public, namespace: metallb-system }
`
const service = (index: number, isReady: boolean): string => `
apiVersion: v1
kind: Service
metadata: { name: web-${index}, namespace: default }
spec: { type: LoadBalancer, clusterIPs: [10.96.0.1], ports: [{ protocol: TCP, port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-${index}-1, namespace: default, labels: { kubernetes.io/service-name: web-${index} } }
endpoints: [{ addresses: [10.244.0.1], nodeName: node-a, conditions: { ready: ${isReady} } }]
`
const read = (text: string): ReturnType<typeof parseManifest>['objects'] => parseManifest('bench.yaml', text).objects

for (const count of [10, 1000, 10_000]) {
  const services = Array.from({ length: count }, (_, index) => read(service(index, true)))
  const pipeline = new Pipeline(['node-a'], emptyState)
  const config = read(site)
  const run = (): number => {
    const snapshot = { objects: [...config, ...services.flat()], faults: [] }
    const start = performance.now()
    pipeline.run(snapshot)
    return performance.now() - start
  }
  const first = run()
  const changes = Array.from({ length: 51 }, (_, turn) => {
    services[turn % count] = read(service(turn % count, turn % 2 === 1))
    return run()
  }).sort((a, b) => a - b)
  const median = changes[25] ?? 0
  process.stdout.write(
    `${count} Services: first pass ${first.toFixed(1)} ms, one changed endpoint ${median.toFixed(2)} ms (median of 51)\n`,
  )
}
