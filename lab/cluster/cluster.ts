import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import { eventually } from '../harness/eventually.ts'
import { Json } from '../harness/json.ts'
import { Lab } from '../harness/lab.ts'
import type { LabProcess } from '../harness/process.ts'
import type { ApiClient } from './api-client.ts'
import { createApiClient } from './api-client.ts'
import { clusterPrograms, ensurePrograms } from './binaries.ts'
import type { ControlPlane, Place, ServerOptions, TokenHolder } from './control-plane.ts'
import { prepareControlPlane } from './control-plane.ts'
import type { Authority } from './pki.ts'
import { ownLoopback, relayToSocket } from './ports.ts'
import { startRelay } from './relay.ts'

/** Who may come, besides `admin`, who may do everything (group system:masters). */
export interface ClusterUser {
  readonly name: string
  readonly groups?: readonly string[]
}

export interface ClusterOptions extends ServerOptions {
  /** Whose end is the cluster's end as well. Unless given, the cluster has a lab of its own, which ends with `stop`. */
  readonly lab?: Lab
  /** Where it runs; unless given, on the host's loopback. */
  readonly place?: Place
  readonly users?: readonly ClusterUser[]
}

export interface KubectlOptions {
  /** 'admin' unless given. */
  readonly user?: string
  readonly stdin?: string
}

export interface KubectlResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** etcd and kube-apiserver, running. No controller manager, no scheduler, no kubelet: a test makes what those would. */
export interface Cluster {
  readonly lab: Lab
  readonly directory: string
  /** An address of the host's loopback, and a port: from the host, the same while the cluster lives. */
  readonly url: string
  /** From the other namespaces of the lab, one for each address of the place; without a place, `url`. */
  readonly placeUrls: readonly string[]
  /** PEM file of the authority that the server's certificate comes from. */
  readonly authorityFile: string
  /** For servers that are to be trusted as the API server is. */
  readonly authority: Authority
  readonly kubectlPath: string
  /** The path of a kubeconfig. `server` unless given is `url`. */
  readonly kubeconfig: (user?: string, server?: string) => string
  /** A directory with `token`, `ca.crt` and `namespace`, as a pod of a user `system:serviceaccount:NAMESPACE:NAME` has it. */
  readonly serviceAccountDirectory: (user: string) => string
  readonly token: (user?: string) => string
  /** Standard output; rejects with what kubectl said where it fails. */
  readonly kubectl: (args: readonly string[], options?: KubectlOptions) => Promise<string>
  readonly kubectlResult: (args: readonly string[], options?: KubectlOptions) => Promise<KubectlResult>
  /** Many objects fast. Closed with the cluster. */
  readonly client: (user?: string, connections?: number) => ApiClient
  /** The complete lines of the audit log so far (audit.k8s.io/v1 Event); empty without `audit`. */
  readonly auditEvents: () => readonly Json[]
  /** The processes of now. After `stopServer` the server's is the ended one. */
  readonly processes: () => { readonly etcd: LabProcess; readonly server: LabProcess }
  /** SIGKILL unless another is given: connections break off as with a host that dies its process. etcd goes on. */
  readonly stopServer: (signal?: 'SIGKILL' | 'SIGTERM') => Promise<void>
  /** Again on the same port with the same data; resolves when it is ready. */
  readonly startServer: () => Promise<void>
  /** The server keeps its connections and answers nothing (SIGSTOP). */
  readonly pause: () => void
  readonly resume: () => void
  /** Ends both processes; with a lab of its own that too, and nothing is left. */
  readonly stop: () => Promise<void>
}

export const admin = 'admin'

/** The user that a pod of this ServiceAccount is, with the groups that the API server gives it. */
export function serviceAccount(namespace: string, name: string): ClusterUser {
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
  }
}

/** Starts a control plane and waits until it is ready and the namespaces `default` and `kube-system` are there. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const programs = await ensurePrograms(clusterPrograms)
  const lab = options.lab ?? Lab.create()
  try {
    return await start(lab, options, programs)
  } catch (error) {
    lab.reportFailure()
    if (options.lab === undefined) lab.close()
    throw error
  }
}

let clustersMade = 0

async function start(lab: Lab, options: ClusterOptions, programs: Programs): Promise<Cluster> {
  clustersMade += 1
  const directory = join(lab.directory, `cluster-${clustersMade}`)
  const holders = tokenHolders(options.users ?? [])
  const plane = await prepareControlPlane({ ...options, lab, directory, programs, place: options.place, holders })
  const etcd = plane.startEtcd()
  let server = plane.startServer()
  const way = await wayIn(lab, directory, plane, options.place)
  const url = urlOf(ownLoopback(), way.port)
  const placeUrls = options.place?.addresses.map((address) => urlOf(address, plane.port)) ?? [url]
  const access = accessTo({ directory, url, plane, holders, kubectl: programs.kubectl })
  const untilReady = (): Promise<void> => ready(access.client(admin), server)
  await untilReady()

  const stopServer: Cluster['stopServer'] = async (signal = 'SIGKILL') => {
    server.signal(signal)
    await server.exited
  }
  return {
    ...access,
    lab,
    directory,
    url,
    placeUrls,
    authorityFile: plane.authority.certificateFile,
    authority: plane.authority,
    kubectlPath: programs.kubectl,
    auditEvents: () => readAudit(plane.auditFile),
    processes: () => ({ etcd, server }),
    stopServer,
    startServer: async () => {
      server = plane.startServer()
      await untilReady()
    },
    pause: () => server.signal('SIGSTOP'),
    resume: () => server.signal('SIGCONT'),
    stop: async () => {
      access.closeClients()
      way.close()
      await stopServer()
      etcd.signal('SIGKILL')
      await etcd.exited
      if (options.lab === undefined) lab.close()
    },
  }
}

type Programs = Readonly<Record<'etcd' | 'kube-apiserver' | 'kubectl', string>>

function tokenHolders(users: readonly ClusterUser[]): readonly TokenHolder[] {
  return [{ name: admin, groups: ['system:masters'] }, ...users].map(({ name, groups = [] }) => ({
    user: name,
    groups,
    token: randomBytes(16).toString('hex'),
  }))
}

const urlOf = (address: string, port: number): string =>
  isIPv6(address) ? `https://[${address}]:${port}` : `https://${address}:${port}`

/** From the host to the server, through a Unix socket where the server is in another namespace. */
async function wayIn(
  lab: Lab,
  directory: string,
  plane: ControlPlane,
  place: Place | undefined,
): Promise<{ readonly port: number; readonly close: () => void }> {
  if (place === undefined) return { port: plane.port, close: () => undefined }
  const socket = join(directory, 'api.sock')
  const relay = await startRelay(lab, place.namespace, { from: socket, to: `127.0.0.1@${plane.port}` })
  const outside = await relayToSocket(socket)
  return {
    port: outside.port,
    close: () => {
      outside.close()
      relay.end()
    },
  }
}

/** /readyz, and the namespaces that the server makes by itself soon after. */
async function ready(client: ApiClient, server: LabProcess): Promise<void> {
  const paths = ['/readyz', '/api/v1/namespaces/default', '/api/v1/namespaces/kube-system']
  const untilReady = eventually(
    'the API server is ready',
    () => Promise.all(paths.map(async (path) => (await client.send('GET', path)).status)),
    (answers) => {
      if (answers.some((status) => status !== 200)) throw new Error('not yet')
    },
    { timeoutMs: 90_000 },
  )
  const untilEnd = server.exited.then(() => {
    throw new Error(`kube-apiserver ${server.state}\n${server.tail(20)}`)
  })
  await Promise.race([untilReady, untilEnd])
}

interface AccessPlan {
  readonly directory: string
  readonly url: string
  readonly plane: ControlPlane
  readonly holders: readonly TokenHolder[]
  readonly kubectl: string
}

type Access = Pick<
  Cluster,
  'token' | 'kubeconfig' | 'serviceAccountDirectory' | 'kubectl' | 'kubectlResult' | 'client'
> & { readonly closeClients: () => void }

/** Everything that users come in with. */
function accessTo({ directory, url, plane, holders, kubectl: program }: AccessPlan): Access {
  const authority = readFileSync(plane.authority.certificateFile, 'utf8')
  const clients: ApiClient[] = []
  const token = (user = admin): string => {
    const holder = holders.find((one) => one.user === user)
    if (holder === undefined) throw new Error(`no user ${user}: name it in the cluster's options`)
    return holder.token
  }
  const kubeconfig: Cluster['kubeconfig'] = (user = admin, server = url) => {
    const file = join(directory, `${fileName(`${user}@${server}`)}.kubeconfig`)
    // Once: a program that was just started with it may be reading it.
    if (!existsSync(file)) {
      writeFileSync(file, kubeconfigText({ server, authority, user, token: token(user) }), { mode: 0o600 })
    }
    return file
  }
  const kubectlResult: Cluster['kubectlResult'] = (args, { user, stdin } = {}) => {
    const cache = ['--cache-dir', join(directory, 'kubectl-cache')]
    return runToEnd(program, ['--kubeconfig', kubeconfig(user), ...cache, ...args], stdin)
  }
  return {
    token,
    kubeconfig,
    kubectlResult,
    kubectl: async (args, options) => {
      const { code, stdout, stderr } = await kubectlResult(args, options)
      if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}\n${stdout}${stderr}`)
      return stdout
    },
    serviceAccountDirectory: (user) => {
      const folder = join(directory, fileName(user))
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, 'token'), token(user), { mode: 0o600 })
      writeFileSync(join(folder, 'ca.crt'), authority)
      writeFileSync(join(folder, 'namespace'), user.split(':')[2] ?? 'default')
      return folder
    },
    client: (user = admin, connections) => {
      const made = createApiClient({ url, authority, token: token(user) }, connections)
      clients.push(made)
      return made
    },
    closeClients: () => {
      for (const client of clients) client.close()
    },
  }
}

const fileName = (text: string): string => text.replaceAll(/[^\w.@-]+/g, '-')

/** JSON is YAML, which is what a kubeconfig is. */
function kubeconfigText(of: {
  readonly server: string
  readonly authority: string
  readonly user: string
  readonly token: string
}): string {
  const cluster = { server: of.server, 'certificate-authority-data': Buffer.from(of.authority).toString('base64') }
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'lab', cluster }],
    users: [{ name: of.user, user: { token: of.token } }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: of.user } }],
    'current-context': 'lab',
  })
}

function runToEnd(program: string, args: readonly string[], stdin: string | undefined): Promise<KubectlResult> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  const text = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (text.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (text.stderr += chunk.toString()))
  // It may end without having read everything.
  child.stdin.on('error', () => undefined)
  child.stdin.end(stdin)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? -1, ...text }))
  })
}

function readAudit(file: string): readonly Json[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => Json.parse(line))
}
