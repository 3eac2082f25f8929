// The API server of restart.ts, in a process of its own: `restart-server-main.ts SERVICES KUBECONFIG ROUTER-PORT LIST-DELAY-MS`. Writes the kubeconfig,
// then a line, and serves until its input ends.
import { writeFileSync } from 'node:fs'
import { createTestAuthority } from '../../packages/cluster/src/testing/fake-kube-server.ts'
import { addresses } from '../kubernetes/objects.ts'
import { asns } from '../kubernetes/router.ts'
import { place } from './objects.ts'
import { startSyntheticServer } from './server.ts'
import { fill, kubeconfigText } from './synthetic.ts'

const [services = '', kubeconfig = '', routerPort = '', listDelayMs = ''] = process.argv.slice(2)
const authority = createTestAuthority('restart')
const server = await startSyntheticServer(authority, 'http2', Number(listDelayMs))
fill(server, { services: Number(services), nodes: 1 }, Number(routerPort))
server.put('BGPPeer', {
  apiVersion: 'metallb.io/v1beta2',
  kind: 'BGPPeer',
  metadata: { name: 'public', namespace: place },
  spec: {
    ...{ myASN: asns.speaker, peerASN: asns.router, peerAddress: addresses.router, peerPort: Number(routerPort) },
    sourceAddress: addresses.speaker,
  },
})
writeFileSync(kubeconfig, kubeconfigText(server.port, authority.certificate))
process.stdout.write('ready\n')
process.stdin.resume()
process.stdin.on('end', () => process.exit())
