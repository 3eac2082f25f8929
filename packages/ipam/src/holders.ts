import type { Want } from './want.ts'

/** Who holds an address. */
export interface Holders {
  readonly size: number
  readonly has: (service: string) => boolean
  readonly get: (service: string) => Want | undefined
  /** Of the holders but this one, the key that stands first; empty: there is no other. */
  readonly firstBeside: (service: string) => string
  /** The key of who uses a `TCP/80`. */
  readonly userOf: (port: string) => string | undefined
  readonly add: (want: Want) => void
  readonly remove: (want: Want) => void
}

/** Of an address that is not shared, as nearly all are: tables for one entry each would take most of an allocator's memory. */
export class SoleHolder implements Holders {
  #want: Want | undefined

  get size(): number {
    return this.#want === undefined ? 0 : 1
  }

  has(service: string): boolean {
    return this.#want?.key === service
  }

  get(service: string): Want | undefined {
    return this.has(service) ? this.#want : undefined
  }

  firstBeside(service: string): string {
    return this.has(service) ? '' : (this.#want?.key ?? '')
  }

  userOf(port: string): string | undefined {
    return this.#want?.ports.includes(port) === true ? this.#want.key : undefined
  }

  add(want: Want): void {
    this.#want = want
  }

  remove({ key }: Want): void {
    if (this.has(key)) this.#want = undefined
  }
}

/** Of an address that is shared. */
export class SharingHolders implements Holders {
  /** By Service key. */
  readonly #wants = new Map<string, Want>()
  /** By `TCP/80`, the key of who uses it. */
  readonly #users = new Map<string, string>()

  get size(): number {
    return this.#wants.size
  }

  has(service: string): boolean {
    return this.#wants.has(service)
  }

  get(service: string): Want | undefined {
    return this.#wants.get(service)
  }

  firstBeside(service: string): string {
    let first = ''
    for (const key of this.#wants.keys()) if (key !== service && (first === '' || key < first)) first = key
    return first
  }

  userOf(port: string): string | undefined {
    return this.#users.get(port)
  }

  add(want: Want): void {
    this.#wants.set(want.key, want)
    for (const port of want.ports) this.#users.set(port, want.key)
  }

  remove(want: Want): void {
    this.#wants.delete(want.key)
    for (const port of want.ports) this.#users.delete(port)
  }
}
