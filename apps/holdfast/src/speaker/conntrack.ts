import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { addressKey, parseAddress } from '@holdfast/ip'
import type { Address } from '@holdfast/ip'

type Keys = ReadonlySet<ReturnType<typeof addressKey>>

/** How many connections to our addresses go through this node, or why that cannot be said. */
export type Connections =
  | {
      readonly kind: 'counted'
      readonly count: number
      /** How many of them no packet has passed in more than `silenceSeconds`. */
      readonly silent: number
      readonly silenceSeconds: number
    }
  | { readonly kind: 'unknown'; readonly reason: string }

/**
 * The times, in seconds, that the kernel lets an entry live on when a packet has passed, by protocol. It uses the shorter ones while
 * something is not acknowledged (TCP). A protocol that is not there: not known.
 */
export type Timeouts = ReadonlyMap<string, readonly number[]>

interface Search {
  readonly keys: Keys
  readonly silenceSeconds: number
  readonly timeouts: Timeouts
}

const tablePath = '/proc/net/nf_conntrack'
/** Of the network namespace of who reads them. */
const timeoutsPath = '/proc/sys/net/netfilter/nf_conntrack_'

/** Of entries that are counted: see `isOurs`. Entries of other protocols end by themselves within minutes. */
const timeoutNames: Readonly<Record<string, readonly string[]>> = {
  tcp: ['tcp_timeout_established', 'tcp_timeout_unacknowledged', 'tcp_timeout_max_retrans'],
  udp: ['udp_timeout_stream'],
  sctp: ['sctp_timeout_established', 'sctp_timeout_heartbeat_sent'],
}

/**
 * Counts the entries of the kernel's connection tracking whose first packet went to one of the addresses and that carry traffic
 * both ways: TCP in state ESTABLISHED, other protocols that are assured. Reads /proc/net/nf_conntrack, else what the command
 * conntrack prints; both need root of the host's network namespace. Of each it is known since when it is silent, for the kernel sets
 * its remaining time anew with every packet. Never rejects.
 */
export async function countConnections(addresses: readonly Address[], silenceSeconds: number): Promise<Connections> {
  if (addresses.length === 0) return { kind: 'counted', count: 0, silent: 0, silenceSeconds }
  const search = { keys: new Set(addresses.map(addressKey)), silenceSeconds, timeouts: await readTimeouts() }
  const table = await counted(() => createReadStream(tablePath, 'utf8'), search)
  if (table.kind === 'counted') return table
  const command = await countedByCommand(search)
  if (command.kind === 'counted') return command
  return { kind: 'unknown', reason: `${tablePath}: ${table.reason}; conntrack: ${command.reason}` }
}

async function readTimeouts(): Promise<Timeouts> {
  const read = Object.entries(timeoutNames).map(async ([protocol, names]) => {
    const seconds = await Promise.all(names.map(readSeconds))
    // Without one of them an entry could look silent that is not.
    return seconds.every((one) => one !== undefined) ? ([[protocol, seconds]] as const) : []
  })
  return new Map((await Promise.all(read)).flat())
}

async function readSeconds(name: string): Promise<number | undefined> {
  const text = await readFile(timeoutsPath + name, 'utf8').catch(() => '')
  return /^\d+\n?$/.test(text) ? Number(text) : undefined
}

async function counted(open: () => Readable, search: Search): Promise<Connections> {
  const { keys, silenceSeconds, timeouts } = search
  try {
    let [count, silent] = [0, 0]
    const known = new Map<string, boolean>()
    for await (const line of createInterface({ input: open(), crlfDelay: Infinity })) {
      if (!isOurs(line, keys, known)) continue
      count += 1
      if (silentSeconds(line, timeouts) > silenceSeconds) silent += 1
    }
    return { kind: 'counted', count, silent, silenceSeconds }
  } catch (error) {
    return { kind: 'unknown', reason: error instanceof Error ? error.message : String(error) }
  }
}

function countedByCommand(search: Search): Promise<Connections> {
  return new Promise((resolve) => {
    const child = spawn('conntrack', ['-L'], { stdio: ['ignore', 'pipe', 'ignore'] })
    const count = counted(() => child.stdout, search)
    child.once('error', (error) => resolve({ kind: 'unknown', reason: error.message }))
    child.once('close', (code) => {
      if (code === 0) void count.then(resolve)
      else resolve({ kind: 'unknown', reason: `it ended with ${code ?? 'a signal'}: it needs to run as root` })
    })
  })
}

/**
 * A line of the table: `ipv4 2 tcp 6 431999 ESTABLISHED src=… dst=… sport=… dport=… src=… … [ASSURED] …`; the command leaves the
 * first two words out. The first `dst` is where the connection was opened to, before any NAT. An entry whose packets go past the
 * connection tracking has neither time nor state nor `[ASSURED]`, but `[OFFLOAD]` or `[HW_OFFLOAD]`.
 */
export function isOurs(line: string, keys: Keys, known: Map<string, boolean>): boolean {
  const dst = /\bdst=(\S+)/.exec(line)?.[1]
  if (dst === undefined) return false
  const isTo = known.get(dst) ?? isAmong(dst, keys)
  known.set(dst, isTo)
  if (!isTo) return false
  if (line.includes('OFFLOAD]')) return true
  return /\btcp\b/.test(line) ? /\bESTABLISHED\b/.test(line) : line.includes('[ASSURED]')
}

/**
 * For how many seconds at least no packet of an entry has passed: what the kernel last set its time to, less what is left of it.
 * Which of several times that was cannot be seen, so that the shortest possible one counts. 0 where it is not known.
 */
export function silentSeconds(line: string, timeouts: Timeouts): number {
  const [, protocol = '', left] = /^(?:\S+ +\d+ +)?([a-z]+) +\d+ +(\d+) /.exec(line) ?? []
  if (left === undefined) return 0
  const remaining = Number(left)
  const possible = (timeouts.get(protocol) ?? []).filter((timeout) => timeout >= remaining)
  return possible.length === 0 ? 0 : Math.min(...possible) - remaining
}

function isAmong(text: string, keys: Keys): boolean {
  const address = parseAddress(text)
  return address.ok && keys.has(addressKey(address.value))
}
