import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Cluster } from '../cluster/cluster.ts'
import { boundToUs } from '../cluster/control-plane.ts'
import type { Matcher, Rule } from '../cluster/faults.ts'
import type { ProxyProtocol } from '../cluster/proxy-speakers.ts'
import type { Certificate } from '../cluster/pki.ts'
import { createAuthority } from '../cluster/pki.ts'
import { eventually } from '../harness/eventually.ts'
import { createPacketLoss, type PacketLoss } from './packets.ts'

/** What the process of the proxies is started with. */
export interface ProxiesPlan {
  readonly names: readonly string[]
  /** In turn. */
  readonly protocols: readonly ProxyProtocol[]
  readonly address: string
  /** The API server. */
  readonly target: string
  readonly authorityFile: string
  readonly certificate: Certificate
  /** Of an authority that no client knows. */
  readonly stranger: Certificate
  readonly socket: string
}

type Deed =
  | { readonly kind: 'setRules'; readonly rules: readonly Rule[] }
  | { readonly kind: 'applied'; readonly rule: string }
  | { readonly kind: 'events'; readonly resource: string }
  | { readonly kind: 'open' | 'breakOff' | 'halfClose'; readonly on?: Matcher }
  | { readonly kind: 'down' | 'up' }
  | { readonly kind: 'present'; readonly isStranger: boolean }

export interface Call {
  readonly id: number
  /** Of the proxy. */
  readonly name: string
  readonly does: Deed
}

/** A `FaultProxy` in another process. */
export interface RemoteProxy {
  readonly name: string
  /** From the namespaces of the fabric. */
  readonly url: string
  readonly setRules: (...rules: readonly Rule[]) => Promise<void>
  readonly applied: (rule: string) => Promise<number>
  readonly events: (resource: string) => Promise<number>
  readonly open: (on?: Matcher) => Promise<number>
  readonly breakOff: (on?: Matcher) => Promise<number>
  readonly halfClose: (on?: Matcher) => Promise<number>
  readonly down: () => Promise<void>
  readonly up: () => Promise<void>
  /** New connections are shown a certificate of an authority that nobody knows, or the right one again. */
  readonly present: (isStranger: boolean) => Promise<void>
  /** From now on every packet to and from the proxy is lost (true), or passes again. */
  readonly losePackets: (isLost: boolean) => Promise<void>
}

export interface Proxies {
  readonly of: (name: string) => RemoteProxy
  readonly close: () => void
}

/** Where the proxies live: a namespace in which the API server is reached, and an address of it that the others reach. */
export interface ProxyPlace extends Pick<ProxiesPlan, 'protocols'> {
  readonly namespace: string
  readonly address: string
}

const program = fileURLToPath(import.meta.resolve('./proxies-main.ts'))

/** Starts a proxy for each name, all in one process, between the fabric and the cluster's API server. */
export async function startProxies(cluster: Cluster, place: ProxyPlace, names: readonly string[]): Promise<Proxies> {
  const { lab } = cluster
  const [planFile, socket] = [join(lab.directory, 'proxies.json'), join(lab.directory, 'proxies.sock')]
  const strangers = join(lab.directory, 'strangers')
  mkdirSync(strangers)
  const plan: ProxiesPlan = {
    names,
    protocols: place.protocols,
    address: place.address,
    target: cluster.placeUrls[0] ?? '',
    authorityFile: cluster.authorityFile,
    certificate: await cluster.authority.issue('proxies', [place.address]),
    stranger: await (await createAuthority(strangers)).issue('stranger', [place.address]),
    socket,
  }
  writeFileSync(planFile, JSON.stringify(plan))
  const main = lab.start(place.namespace, 'proxies', boundToUs([process.execPath, program, planFile]))
  const [told] = await eventually(
    'the proxies listen',
    () => main.jsonLines(),
    (lines) => {
      if (lines.length === 0) throw new Error(main.state)
    },
  )
  const loss = await createPacketLoss(place.namespace)
  const control = connectControl(socket)
  const urls = told?.at('urls')
  return {
    of: (name) => createRemote({ name, url: urls?.at(name).text() ?? '', loss, ask: control.ask }),
    close: control.close,
  }
}

interface Remote {
  readonly name: string
  readonly url: string
  readonly loss: PacketLoss
  readonly ask: Ask
}

type Ask = (name: string, does: Deed) => Promise<unknown>

function createRemote({ name, url, loss, ask }: Remote): RemoteProxy {
  const count = async (does: Deed): Promise<number> => Number(await ask(name, does))
  const perform = async (does: Deed): Promise<void> => {
    await ask(name, does)
  }
  const about = (on: Matcher | undefined) => (on === undefined ? {} : { on })
  return {
    name,
    url,
    setRules: (...rules) => perform({ kind: 'setRules', rules }),
    applied: (rule) => count({ kind: 'applied', rule }),
    events: (resource) => count({ kind: 'events', resource }),
    open: (on) => count({ kind: 'open', ...about(on) }),
    breakOff: (on) => count({ kind: 'breakOff', ...about(on) }),
    halfClose: (on) => count({ kind: 'halfClose', ...about(on) }),
    down: () => perform({ kind: 'down' }),
    up: () => perform({ kind: 'up' }),
    present: (isStranger) => perform({ kind: 'present', isStranger }),
    losePackets: (isLost) => loss.set(Number(new URL(url).port), isLost),
  }
}

function connectControl(path: string): { readonly ask: Ask; readonly close: () => void } {
  const socket = connect(path)
  const waiting = new Map<number, (value: unknown) => void>()
  let asked = 0
  createInterface(socket).on('line', (line) => {
    const { id, value } = JSON.parse(line) as { readonly id: number; readonly value: unknown }
    waiting.get(id)?.(value)
    waiting.delete(id)
  })
  return {
    ask: (name, does) => {
      asked += 1
      const id = asked
      socket.write(`${writeCall({ id, name, does })}\n`)
      return new Promise((resolve) => waiting.set(id, resolve))
    },
    close: () => socket.destroy(),
  }
}

/** Rules have patterns in them, which JSON has not. */
const writeCall = (call: Call): string =>
  JSON.stringify(call, (_, value: unknown) => (value instanceof RegExp ? { pattern: value.source } : value))

export const readCall = (line: string): Call =>
  JSON.parse(line, (_, value: unknown) => (isPattern(value) ? new RegExp(value.pattern) : value)) as Call

const isPattern = (value: unknown): value is { readonly pattern: string } =>
  typeof value === 'object' && value !== null && 'pattern' in value && typeof value.pattern === 'string'
