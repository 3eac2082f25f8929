import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Lab } from '../harness/lab.ts'
import type { LabProcess } from '../harness/process.ts'
import type { Authority } from './pki.ts'
import { createAuthority } from './pki.ts'
import { freePort, ownLoopback } from './ports.ts'

/** A network namespace, and addresses of it at which the API server is to be reached from other namespaces. */
export interface Place {
  readonly namespace: string
  readonly addresses: readonly [string, ...string[]]
}

export interface ServerOptions {
  /** 'RBAC' unless given. */
  readonly authorization?: 'RBAC' | 'AlwaysAllow'
  /** Every request is written to the audit log, without bodies. False unless given. */
  readonly audit?: boolean
  /** Of kube-apiserver, and last on its command line. */
  readonly extraArguments?: readonly string[]
}

/** A static token and who has it: system:authenticated is added by the API server. */
export interface TokenHolder {
  readonly token: string
  readonly user: string
  readonly groups: readonly string[]
}

export interface Plan extends ServerOptions {
  readonly lab: Lab
  readonly directory: string
  readonly programs: Readonly<Record<'etcd' | 'kube-apiserver', string>>
  readonly place: Place | undefined
  readonly holders: readonly TokenHolder[]
}

/** What the processes of a control plane are started with. Nothing runs yet. */
export interface ControlPlane {
  readonly port: number
  readonly authority: Authority
  readonly auditFile: string
  readonly startEtcd: () => LabProcess
  readonly startServer: () => LabProcess
}

/** Both address families, as a dual-stack cluster has them. The first of them has the Service `kubernetes`. */
const serviceRanges = ['10.96.0.0/16', 'fd00:10:96::/112'] as const

export async function prepareControlPlane(plan: Plan): Promise<ControlPlane> {
  const { lab, directory, place } = plan
  mkdirSync(directory, { recursive: true })
  const address = ownLoopback()
  const [port, etcdPort, peerPort] = [await freePort(), await freePort(), await freePort()]
  const etcdUrl = `http://${address}:${etcdPort}`
  const peerUrl = `http://${address}:${peerPort}`
  const authority = await createAuthority(directory)
  const hosts = [
    'localhost',
    'kubernetes.default.svc',
    address,
    '127.0.0.1',
    '::1',
    '10.96.0.1',
    ...(place?.addresses ?? []),
  ]
  const certificate = await authority.issue('kube-apiserver', hosts)
  const auditFile = join(directory, 'audit.log')

  const etcd = [
    ...[plan.programs.etcd, '--data-dir', join(directory, 'etcd'), '--logger', 'zap', '--log-level', 'warn'],
    ...['--listen-client-urls', etcdUrl, '--advertise-client-urls', etcdUrl],
    ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
    ...['--initial-cluster', `default=${peerUrl}`],
  ]
  const server = [
    plan.programs['kube-apiserver'],
    `--etcd-servers=${etcdUrl}`,
    `--secure-port=${port}`,
    ...listenArguments(place),
    `--tls-cert-file=${certificate.certificateFile}`,
    `--tls-private-key-file=${certificate.keyFile}`,
    `--cert-dir=${directory}`,
    ...serviceAccountArguments(directory),
    `--service-cluster-ip-range=${serviceRanges.join(',')}`,
    `--token-auth-file=${writeTokens(directory, plan.holders)}`,
    `--authorization-mode=${plan.authorization ?? 'RBAC'}`,
    // No controller manager runs here, which would make the ServiceAccounts that this one asks for.
    '--disable-admission-plugins=ServiceAccount',
    // Nobody needs the endpoints of the Service `kubernetes`, and a stopping server would wait for them to expire.
    '--endpoint-reconciler-type=none',
    '--profiling=false',
    ...(plan.audit === true ? auditArguments(directory, auditFile) : []),
    ...(plan.extraArguments ?? []),
  ]
  return {
    port,
    authority,
    auditFile,
    startEtcd: () => lab.start(place?.namespace, 'etcd', boundToUs(etcd)),
    startServer: () => lab.start(place?.namespace, 'kube-apiserver', boundToUs(server)),
  }
}

/** The kernel ends the program with the process that started it, also where that gets no chance to (kill -9). */
export const boundToUs = (command: readonly string[]): readonly [string, ...string[]] => [
  ...(['setpriv', '--pdeathsig', 'KILL', '--'] as const),
  ...command,
]

function listenArguments(place: Place | undefined): readonly string[] {
  if (place === undefined) return [`--bind-address=${ownLoopback()}`, `--advertise-address=${ownLoopback()}`]
  const hasIpv6 = place.addresses.some((address) => address.includes(':'))
  return [`--bind-address=${hasIpv6 ? '::' : '0.0.0.0'}`, `--advertise-address=${place.addresses[0]}`]
}

function serviceAccountArguments(directory: string): readonly string[] {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keyFile = join(directory, 'service-account.key')
  writeFileSync(keyFile, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 })
  return [
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-signing-key-file=${keyFile}`,
    `--service-account-key-file=${keyFile}`,
  ]
}

function writeTokens(directory: string, holders: readonly TokenHolder[]): string {
  const file = join(directory, 'tokens.csv')
  const lines = holders.map(({ token, user, groups }) => `${token},${user},${user},"${groups.join(',')}"\n`)
  writeFileSync(file, lines.join(''), { mode: 0o600 })
  return file
}

function auditArguments(directory: string, auditFile: string): readonly string[] {
  const policyFile = join(directory, 'audit-policy.json')
  const policy = {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [{ level: 'Metadata' }],
  }
  writeFileSync(policyFile, JSON.stringify(policy))
  return [`--audit-policy-file=${policyFile}`, `--audit-log-path=${auditFile}`]
}
