import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** Requests of one user, by verb and resource, with the code of the answer where that is an error: "update services/status 409". */
export type Requests = ReadonlyMap<string, number>

interface AuditLine {
  readonly stage: string
  readonly verb: string
  readonly user: { readonly username: string }
  readonly responseStatus?: { readonly code?: number }
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string }
}

/** Reads an API server's audit log from where it was last read. A watch counts when it begins, everything else when it is answered. */
export class RequestLog {
  readonly #file: string
  #offset = 0
  #rest = ''

  constructor(file: string) {
    this.#file = file
  }

  /** The requests of these users since this was last called. */
  take(users: readonly string[]): ReadonlyMap<string, Requests> {
    const counts = new Map(users.map((user) => [user, new Map<string, number>()]))
    for (const line of this.#lines()) {
      // Most of them are the bench's own.
      if (!users.some((user) => line.includes(`"username":"${user}"`))) continue
      const event = JSON.parse(line) as AuditLine
      if (event.stage !== (event.verb === 'watch' ? 'ResponseStarted' : 'ResponseComplete')) continue
      const own = counts.get(event.user.username)
      own?.set(nameOf(event), (own.get(nameOf(event)) ?? 0) + 1)
    }
    return counts
  }

  *#lines(): Generator<string> {
    const file = openSync(this.#file, 'r')
    try {
      const { size } = fstatSync(file)
      const buffer = Buffer.alloc(1 << 20)
      while (this.#offset < size) {
        const bytes = readSync(file, buffer, 0, buffer.length, this.#offset)
        this.#offset += bytes
        // The API server writes ASCII here: names, times and paths.
        const lines = (this.#rest + buffer.toString('latin1', 0, bytes)).split('\n')
        this.#rest = lines.pop() ?? ''
        yield* lines
      }
    } finally {
      closeSync(file)
    }
  }
}

function nameOf({ verb, objectRef, responseStatus }: AuditLine): string {
  const { resource = 'others', subresource } = objectRef ?? {}
  const code = responseStatus?.code ?? 200
  return [verb, [resource, subresource].filter((part) => part !== undefined).join('/'), code < 400 ? [] : code]
    .flat()
    .join(' ')
}

/** What is renewed while nothing changes: the lease of a leader. */
/** Events of a speaker go out at a pace of their own, a few a second, for minutes after a thousand Services. */
export const isEvent = (name: string): boolean => /^\S+ events\b/.test(name)

export const isLease = (name: string): boolean => / leases\b/.test(name)

export function addUp(some: readonly Requests[]): Requests {
  const total = new Map<string, number>()
  for (const [name, count] of some.flatMap((one) => [...one])) total.set(name, (total.get(name) ?? 0) + count)
  return total
}

export const sumOf = (requests: Requests | undefined, counts: (name: string) => boolean = () => true): number =>
  [...(requests ?? [])].reduce((sum, [name, count]) => (counts(name) ? sum + count : sum), 0)
