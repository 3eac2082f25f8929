import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { addressKey, parseAddress } from '@holdfast/ip'
import type { Address } from '@holdfast/ip'

type Keys = ReadonlySet<ReturnType<typeof addressKey>>

/** How many connections to our addresses go through this node, or why that cannot be said. */
export type Connections =
  { readonly kind: 'counted'; readonly count: number } | { readonly kind: 'unknown'; readonly reason: string }

const tablePath = '/proc/net/nf_conntrack'

/**
 * Counts the entries of the kernel's connection tracking whose first packet went to one of the addresses and that carry traffic
 * both ways: TCP in state ESTABLISHED, other protocols that are assured. Reads /proc/net/nf_conntrack, else what the command
 * conntrack prints; both need root of the host's network namespace. Never rejects.
 */
export async function countConnections(addresses: readonly Address[]): Promise<Connections> {
  if (addresses.length === 0) return { kind: 'counted', count: 0 }
  const keys = new Set(addresses.map(addressKey))
  const table = await counted(() => createReadStream(tablePath, 'utf8'), keys)
  if (table.kind === 'counted') return table
  const command = await countedByCommand(keys)
  if (command.kind === 'counted') return command
  return { kind: 'unknown', reason: `${tablePath}: ${table.reason}; conntrack: ${command.reason}` }
}

async function counted(open: () => Readable, keys: Keys): Promise<Connections> {
  try {
    let count = 0
    const known = new Map<string, boolean>()
    for await (const line of createInterface({ input: open(), crlfDelay: Infinity })) {
      if (isOurs(line, keys, known)) count += 1
    }
    return { kind: 'counted', count }
  } catch (error) {
    return { kind: 'unknown', reason: error instanceof Error ? error.message : String(error) }
  }
}

function countedByCommand(keys: Keys): Promise<Connections> {
  return new Promise((resolve) => {
    const child = spawn('conntrack', ['-L'], { stdio: ['ignore', 'pipe', 'ignore'] })
    const count = counted(() => child.stdout, keys)
    child.once('error', (error) => resolve({ kind: 'unknown', reason: error.message }))
    child.once('close', (code) => {
      if (code === 0) void count.then(resolve)
      else resolve({ kind: 'unknown', reason: `it ended with ${code ?? 'a signal'}: it needs to run as root` })
    })
  })
}

/**
 * A line of the table: `ipv4 2 tcp 6 431999 ESTABLISHED src=… dst=… sport=… dport=… src=… … [ASSURED] …`; the command leaves the
 * first two words out. The first `dst` is where the connection was opened to, before any NAT.
 */
export function isOurs(line: string, keys: Keys, known: Map<string, boolean>): boolean {
  const dst = /\bdst=(\S+)/.exec(line)?.[1]
  if (dst === undefined) return false
  const isTo = known.get(dst) ?? isAmong(dst, keys)
  known.set(dst, isTo)
  if (!isTo) return false
  return /\btcp\b/.test(line) ? /\bESTABLISHED\b/.test(line) : line.includes('[ASSURED]')
}

function isAmong(text: string, keys: Keys): boolean {
  const address = parseAddress(text)
  return address.ok && keys.has(addressKey(address.value))
}
