import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { addressOf, plan } from '../plan.ts'
import { finish, SpeakerProcess, type Job, type Speaker } from '../speaker.ts'

const executable = join(import.meta.dirname, '..', '..', '..', 'node_modules', '.bin', 'holdfast')
const servicesInFile = 1000

/** The whole program: as many Services as routes, each with its EndpointSlice, in manifests of 1,000 Services. */
export const holdfast: Speaker = {
  name: 'holdfast standalone',
  version: async () => {
    const { code, output } = await finish(executable, '--version')
    return code === 0 ? output.trim() : undefined
  },
  start: async ({ count, directory, port, controlPort, loadTimeoutMs }: Job) => {
    const manifests = join(directory, 'manifests')
    mkdirSync(manifests)
    // The collector dials, so nobody listens where the peer is said to be.
    writeFileSync(join(manifests, 'network.yaml'), network(controlPort))
    for (let first = 0; first < count; first += servicesInFile) {
      const indexes = Array.from({ length: Math.min(servicesInFile, count - first) }, (_, offset) => first + offset)
      writeFileSync(join(manifests, `services-${first}.yaml`), indexes.map(service).join('---'))
    }
    const options = ['--node', 'bench', '--listen', `${plan.speakerAddress}:${port}`, '--json']
    const speaker = new SpeakerProcess(directory, [executable, 'standalone', manifests, ...options])
    await speaker.until('all Services are announced', loadTimeoutMs, () => announced(directory) === count)
    return speaker
  },
}

const announced = (directory: string): number =>
  readFileSync(join(directory, 'speaker.log'), 'utf8').split('"event":"announced"').length - 1

const network = (peerPort: number): string => `
apiVersion: v1
kind: Node
metadata: { name: bench }
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: { name: collector, namespace: metallb-system }
spec:
  myASN: ${plan.speakerAsn}
  peerASN: ${plan.collectorAsn}
  peerAddress: ${plan.collectorAddress}
  sourceAddress: ${plan.speakerAddress}
  peerPort: ${peerPort % 16384}
  routerID: ${plan.speakerAddress}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: bench, namespace: metallb-system }
spec:
  addresses: [100.64.0.0/14]
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: { name: bench, namespace: metallb-system }
spec:
  communities: ["${plan.communityHigh}:${plan.communityLow}"]
`

const service = (index: number): string => `
apiVersion: v1
kind: Service
metadata:
  name: s${index}
  namespace: default
  annotations: { metallb.io/loadBalancerIPs: "${addressOf(index)}" }
spec:
  type: LoadBalancer
  clusterIP: 10.${96 + (index >>> 16)}.${(index >>> 8) & 255}.${index & 255}
  ports: [{ port: 80 }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: s${index}
  namespace: default
  labels: { kubernetes.io/service-name: s${index} }
addressType: IPv4
endpoints:
  - { addresses: [10.244.0.1], nodeName: bench, conditions: { ready: true } }
`
