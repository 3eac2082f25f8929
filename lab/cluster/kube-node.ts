// What makes a namespace of a fabric a node of a cluster as far as packets go: pods behind it, routes to the pods of the other
// nodes, and kube-proxy with its rules. No kubelet: a test makes the objects that one would.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../harness/command.ts'
import { eventually } from '../harness/eventually.ts'
import type { Fabric } from '../harness/fabric.ts'
import type { Lab } from '../harness/lab.ts'
import { setSysctls } from '../harness/lab.ts'
import type { LabProcess } from '../harness/process.ts'
import { ensurePrograms } from './binaries.ts'
import type { ClusterUser } from './cluster.ts'
import { boundToUs } from './control-plane.ts'

const podProgram = fileURLToPath(import.meta.resolve('./pod-main.ts'))

/** Whom kube-proxy comes as: the API server binds the role system:node-proxier to this user by itself. */
export const kubeProxyUser: ClusterUser = { name: 'system:kube-proxy' }

/** Of all pods; each node has a part of it. */
const clusterCIDRs = ['10.244.0.0/16', 'fd00:10:244::/48'] as const

/** kube-proxy's own default. */
export const kubeProxyHealthPort = 10_256

export interface KubeNode {
  readonly name: string
  readonly namespace: string
  readonly ipv4: string
  readonly ipv6: string
  /** One of each family, as in the Node's spec. */
  readonly podCIDRs: readonly [string, string]
  /** 1 for the first node, which is part of its pods' addresses. */
  readonly number: number
}

/** A namespace behind a node with a web server in it, which answers with the pod's name and the address that it sees the client at. */
export interface Pod {
  readonly name: string
  readonly node: string
  readonly namespace: string
  readonly ipv4: string
  readonly ipv6: string
  readonly server: LabProcess
}

/** Makes the nodes of a fabric forward, each with a route to the pods of each other one. */
export async function joinNodes(fabric: Fabric): Promise<readonly KubeNode[]> {
  const nodes = fabric.nodes.map(({ name, namespace, ipv4, ipv6 }, index): KubeNode => {
    const number = index + 1
    return { name, namespace, ipv4, ipv6, number, podCIDRs: [`10.244.${number}.0/24`, `fd00:10:244:${number}::/64`] }
  })
  for (const { name, namespace } of nodes) {
    await setSysctls(namespace, { 'net/ipv4/ip_forward': 1, 'net/ipv6/conf/all/forwarding': 1 })
    for (const { podCIDRs, ipv4, ipv6 } of nodes.filter((other) => other.name !== name)) {
      await run('ip', '-n', namespace, 'route', 'add', podCIDRs[0], 'via', ipv4)
      await run('ip', '-n', namespace, '-6', 'route', 'add', podCIDRs[1], 'via', ipv6)
    }
  }
  return nodes
}

/** Adds a pod behind a node. Its number, from 2, tells it from the others of the node. Resolves when it answers on port 80. */
export async function addPod(lab: Lab, node: KubeNode, name: string, number = 2): Promise<Pod> {
  const namespace = await lab.addNamespace(name)
  const gateway = { ipv4: `10.244.${node.number}.1`, ipv6: `fd00:10:244:${node.number}::1` }
  const [ipv4, ipv6] = [`10.244.${node.number}.${number}`, `fd00:10:244:${node.number}::${number}`]
  const device = `pod${number}`
  await run('ip', 'link', 'add', 'eth0', 'netns', namespace, 'type', 'veth', 'peer', device, 'netns', node.namespace)
  const ends = [
    { of: node.namespace, device, own: gateway, other: { ipv4, ipv6 } },
    { of: namespace, device: 'eth0', own: { ipv4, ipv6 }, other: gateway },
  ]
  for (const { of, device: end, own, other } of ends) {
    await run('ip', '-n', of, 'address', 'add', `${own.ipv4}/32`, 'dev', end)
    await run('ip', '-n', of, 'address', 'add', `${own.ipv6}/128`, 'dev', end, 'nodad')
    await run('ip', '-n', of, 'link', 'set', end, 'up')
    await run('ip', '-n', of, 'route', 'add', `${other.ipv4}/32`, 'dev', end)
    await run('ip', '-n', of, '-6', 'route', 'add', `${other.ipv6}/128`, 'dev', end)
  }
  await run('ip', '-n', namespace, 'route', 'add', 'default', 'via', gateway.ipv4)
  await run('ip', '-n', namespace, '-6', 'route', 'add', 'default', 'via', gateway.ipv6)
  const server = lab.start(namespace, name, boundToUs([process.execPath, podProgram, name, '80']))
  await eventually(
    `${name} listens`,
    () => server.output(),
    (output) => assert.match(output, /listening/),
  )
  return { name, node: node.name, namespace, ipv4, ipv6, server }
}

export interface KubeProxyOptions {
  /** Of `kubeProxyUser`. */
  readonly kubeconfig: string
  /** How long it takes for the first rules of each family, as with thousands of Services; 0 unless given. */
  readonly slownessSeconds?: number
}

/** Starts kube-proxy on a node. What it prints is in the lab's files, as of all programs. */
export async function startKubeProxy(lab: Lab, node: KubeNode, options: KubeProxyOptions): Promise<LabProcess> {
  const { 'kube-proxy': program } = await ensurePrograms(['kube-proxy'])
  const folder = join(lab.directory, `kube-proxy-${node.name}`)
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'configuration.json')
  writeFileSync(file, JSON.stringify(configurationOf(node, options.kubeconfig)))
  const path = `${slowNft(folder, options.slownessSeconds ?? 0)}${process.env['PATH'] ?? ''}`
  const command = ['env', `PATH=${path}`, program, '--config', file]
  return lab.start(node.namespace, `kube-proxy-${node.name}`, boundToUs(command))
}

/** The beginning of a PATH where kube-proxy, which has its rules changed by `nft -f -`, finds one that waits before the first of each family. */
function slowNft(folder: string, seconds: number): string {
  if (seconds === 0) return ''
  const isFirst = 'mkdir "$0.first" 2>/dev/null || mkdir "$0.second" 2>/dev/null'
  const lines = [
    '#!/bin/sh',
    `case "$*" in *--check*) ;; *-f*) if ${isFirst}; then sleep ${seconds}; fi ;; esac`,
    'PATH=${PATH#*:} exec nft "$@"',
  ]
  writeFileSync(join(folder, 'nft'), `${lines.join('\n')}\n`, { mode: 0o755 })
  return `${folder}:`
}

/** JSON is YAML, which is what kube-proxy wants. */
const configurationOf = ({ name }: KubeNode, kubeconfig: string): object => ({
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  mode: 'nftables',
  hostnameOverride: name,
  clientConnection: { kubeconfig },
  clusterCIDR: clusterCIDRs.join(','),
  detectLocalMode: 'ClusterCIDR',
  healthzBindAddress: `0.0.0.0:${kubeProxyHealthPort}`,
  // Of the host, not of the namespace: not to be touched.
  conntrack: { maxPerCore: 0 },
})

/** The rules of kube-proxy on a node, as nft prints them; empty before it has made any. */
export async function proxyRules({ namespace }: KubeNode): Promise<string> {
  const tables = await run('ip', 'netns', 'exec', namespace, 'nft', 'list', 'tables')
  return tables.includes('kube-proxy') ? run('ip', 'netns', 'exec', namespace, 'nft', 'list', 'ruleset') : ''
}
