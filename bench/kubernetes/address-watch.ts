import { request, type RequestOptions } from 'node:https'
import { eventually } from '../../lab/harness/eventually.ts'

/** Follows Services and knows which have an address. It reads only two fields of what may be tens of thousands of events. */
export class AddressWatch {
  readonly #addresses = new Map<string, string>()
  #lastChangeMs = 0
  readonly #end: () => void

  private constructor(url: URL, options: RequestOptions) {
    let rest = ''
    const asked = request(url, options, (response) => {
      response.on('data', (chunk: Buffer) => {
        const readAtMs = performance.now()
        const lines = (rest + chunk.toString('latin1')).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) this.#take(line, readAtMs)
      })
      response.on('error', () => undefined)
    })
    asked.on('error', () => undefined)
    asked.end()
    this.#end = () => asked.destroy()
  }

  static open(of: { readonly url: string; readonly token: string; readonly authority: string }): AddressWatch {
    const url = new URL('/api/v1/namespaces/default/services?watch=1&timeoutSeconds=3600', of.url)
    return new AddressWatch(url, { ca: of.authority, headers: { authorization: `Bearer ${of.token}` } })
  }

  /** When the event was read that gave or took the last address. */
  get lastChangeMs(): number {
    return this.#lastChangeMs
  }

  /** By the name of the Service. */
  get addresses(): ReadonlyMap<string, string> {
    return this.#addresses
  }

  /** Looks every 50 ms: when it was is in `lastChangeMs`. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const demand = (isSo: boolean): void => {
      if (!isSo) throw new Error(`${this.#addresses.size} Services have an address`)
    }
    await eventually(what, condition, demand, { timeoutMs: 60_000 })
  }

  close(): void {
    this.#end()
  }

  #take(line: string, readAtMs: number): void {
    const name = /"metadata":\{"name":"([^"]+)"/.exec(line)?.[1] ?? ''
    const given = /"loadBalancer":\{"ingress":\[\{"ip":"([^"]+)"/.exec(line)?.[1]
    const address = line.startsWith('{"type":"DELETED"') ? undefined : given
    if (address === this.#addresses.get(name)) return
    if (address === undefined) this.#addresses.delete(name)
    else this.#addresses.set(name, address)
    this.#lastChangeMs = readAtMs
  }
}
