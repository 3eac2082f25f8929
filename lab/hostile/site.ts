import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { run } from '../harness/command.ts'
import { eventually } from '../harness/eventually.ts'
import { Lab } from '../harness/lab.ts'
import {
  advertisementManifest,
  endpointsManifest,
  nodeManifest,
  poolManifest,
  serviceManifest,
} from '../harness/manifests.ts'
import type { LabProcess } from '../harness/process.ts'
import { attackerPort, localAsn, scenes, slotsOf, speaker, strangers, type Slot } from './scene.ts'

const executable = join(import.meta.dirname, '..', '..', 'node_modules', '.bin', 'holdfast')
export const nodeName = 'node-a'

const documentsInFile = 1000

export interface SitePlan {
  readonly documents: readonly string[]
  /** Of the peers. */
  readonly addresses: readonly string[]
  /** Whether it keeps its state and writes status; true where left out. */
  readonly hasState?: boolean
  /** The program's heap limit: what it keeps shows then, and what is only not collected yet does not. */
  readonly heapMiB: number
}

/** A namespace of its own with the program under test in it, and an address for each of its peers. */
export class HostileSite {
  readonly lab: Lab
  readonly namespace: string
  readonly holdfast: LabProcess
  readonly socketPath: string

  private constructor(lab: Lab, namespace: string, holdfast: LabProcess, socketPath: string) {
    this.lab = lab
    this.namespace = namespace
    this.holdfast = holdfast
    this.socketPath = socketPath
  }

  static async create(plan: SitePlan): Promise<HostileSite> {
    const lab = Lab.create()
    try {
      return await HostileSite.#start(lab, plan)
    } catch (error) {
      lab.reportFailure()
      lab.close()
      throw error
    }
  }

  static async #start(lab: Lab, { documents, addresses, hasState = true, heapMiB }: SitePlan): Promise<HostileSite> {
    const namespace = await lab.addNamespace('arena')
    const batch = join(lab.directory, 'addresses')
    const all = [speaker.ipv4, speaker.ipv6, ...addresses]
    writeFileSync(batch, all.map((one) => `address add ${one}/${one.includes(':') ? 128 : 32} dev lo\n`).join(''))
    await run('ip', '-n', namespace, '-batch', batch)
    const manifests = join(lab.directory, 'manifests')
    mkdirSync(manifests)
    for (let first = 0; first < documents.length; first += documentsInFile) {
      const some = documents.slice(first, first + documentsInFile).map((one) => one.trim())
      writeFileSync(join(manifests, `${first}.yaml`), some.join('\n---\n'))
    }
    const listen = ['--listen', `[::]:${speaker.port}`]
    const socket = join(lab.directory, 'holdfast.sock')
    const place = ['--socket', socket, ...(hasState ? ['--state', join(lab.directory, 'state')] : [])]
    const heap = `NODE_OPTIONS=--max-old-space-size=${heapMiB}`
    const command = [
      'env',
      heap,
      executable,
      'standalone',
      manifests,
      '--node',
      nodeName,
      ...place,
      ...listen,
      '--json',
    ]
    const holdfast = lab.start(namespace, 'holdfast', [...toTuple(command)])
    const site = new HostileSite(lab, namespace, holdfast, socket)
    await eventually(
      'holdfast announces',
      () => holdfast.output(),
      (output) => assert.match(output, /"event":"announced"/),
      { timeoutMs: 60_000 },
    )
    return site
  }

  /** Starts a program of this folder in the namespace. */
  start(name: string, file: string, ...args: readonly string[]): LabProcess {
    return this.lab.start(this.namespace, name, [process.execPath, resolve(import.meta.dirname, file), ...args])
  }
}

function toTuple([first = '', ...others]: readonly string[]): readonly [string, ...string[]] {
  return [first, ...others]
}

/** Everything that the program is told for the cases of this folder. */
export function hostilePlan(): SitePlan {
  const slots = scenes.flatMap(slotsOf)
  const documents = [...siteDocuments(), ...policies, ...slots.map(peerManifest)]
  return {
    documents,
    addresses: [...slots.map(({ address }) => address), strangers.ipv4, strangers.ipv6],
    heapMiB: 192,
  }
}

export const nodeDocument = (): string => nodeManifest(nodeName, [speaker.ipv4, speaker.ipv6])

/** A node and two Services with an address of each family. */
const siteDocuments = (): readonly string[] => [
  nodeDocument(),
  poolManifest({ name: 'public', addresses: ['192.0.2.0/26', '2001:db8::/122'] }),
  advertisementManifest({ name: 'public' }),
  ...['one', 'two'].flatMap((name, index) => [
    serviceManifest({ name, id: 10 + index, loadBalancerIPs: [`192.0.2.${10 + index}`, `2001:db8::1${index}`] }),
    endpointsManifest(name, [{ node: nodeName, isReady: true }]),
  ]),
]

export const policyManifest = (name: string, labels: string, spec: string): string => `
apiVersion: holdfast.dev/v1alpha1
kind: PeerPolicy
metadata: { name: ${name}, namespace: metallb-system }
spec: { peerSelectors: [{ matchLabels: ${labels} }], ${spec} }
`

const policies: readonly string[] = [
  policyManifest('inbound', '{ side: inbound }', 'connectionMode: Passive'),
  policyManifest('plain', '{ kind: plain }', 'withheldCapabilities: [ExtendedMessage]'),
  policyManifest('limited', '{ kind: limited }', 'prefixLimit: 100'),
]

export const peerManifest = ({ name, kind, scene, address }: Slot): string => `
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata:
  name: ${name}
  namespace: metallb-system
  labels: { side: ${scene.isDialled ? 'dialled' : 'inbound'}, kind: ${kind} }
spec:
  myASN: ${localAsn}
  peerASN: ${scene.peerAsn}
  peerAddress: "${address}"
  peerPort: ${attackerPort}
  sourceAddress: "${speaker[scene.family]}"
  holdTime: 3s
  keepaliveTime: 1s
  connectTime: 1s
  dualStackAddressFamily: true
`
