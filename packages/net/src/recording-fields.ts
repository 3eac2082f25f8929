import { describeText } from '@holdfast/bgp'
import { parseAddress, type Address } from '@holdfast/ip'

/** Where the first fault of a line is kept. */
interface Ledger {
  fault: string | undefined
}

type Values<T> = readonly [T, ...T[]]

const NOTHING: Readonly<Record<string, unknown>> = {}

/**
 * Reads a JSON object field by field, and says of the first fault where it is and what was expected. What is returned
 * from then on means nothing.
 */
export class Fields {
  readonly #ledger: Ledger
  readonly #path: string
  readonly #fields: Readonly<Record<string, unknown>>
  readonly #read = new Set<string>()

  private constructor(ledger: Ledger, path: string, value: unknown) {
    this.#ledger = ledger
    this.#path = path
    this.#fields = isObject(value) ? value : NOTHING
    if (!isObject(value)) this.#fail('', 'a JSON object')
  }

  static of(value: unknown): Fields {
    return new Fields({ fault: undefined }, '', value)
  }

  fault(): string | undefined {
    return this.#ledger.fault
  }

  has(name: string): boolean {
    return this.#fields[name] !== undefined
  }

  isText(name: string): boolean {
    return typeof this.#fields[name] === 'string'
  }

  /** `read` where the field is there. */
  optional<T>(name: string, read: () => T): T | undefined {
    return this.has(name) ? read() : undefined
  }

  number(name: string): number {
    const value = this.#take(name)
    return typeof value === 'number' ? value : this.#fail(name, 'a number', 0)
  }

  /** A whole number from 0 up to `most`. */
  count(name: string, most = 0xffff_ffff): number {
    const value = this.#take(name)
    return isCount(value, most) ? value : this.#fail(name, `a whole number up to ${most}`, 0)
  }

  flag(name: string): boolean {
    const value = this.#take(name)
    return typeof value === 'boolean' ? value : this.#fail(name, 'true or false', false)
  }

  text(name: string): string {
    const value = this.#take(name)
    return typeof value === 'string' ? value : this.#fail(name, 'a text', '')
  }

  oneOf<T extends string>(name: string, values: Values<T>): T {
    const text = this.#take(name)
    return values.find((value) => value === text) ?? this.#fail(name, `one of ${values.join(', ')}`, values[0])
  }

  /** A list of some of these. */
  someOf<T extends string>(name: string, values: Values<T>): readonly T[] {
    return this.list(name).map(
      (text) => values.find((value) => value === text) ?? this.#fail(name, `of ${values.join(', ')}`, values[0]),
    )
  }

  address(name: string): Address {
    const parsed = parseAddress(this.text(name))
    return parsed.ok ? parsed.value : this.#fail(name, 'an IP address', { family: 'ipv4', value: 0 })
  }

  hex(name: string): Uint8Array {
    const text = this.text(name)
    const isHex = text.length % 2 === 0 && !/[^0-9a-f]/.test(text)
    // A plain copy: a small Buffer is a view of memory that others use as well.
    return isHex
      ? new Uint8Array(Buffer.from(text, 'hex'))
      : this.#fail(name, 'octets in hexadecimal', new Uint8Array(0))
  }

  counts(name: string): readonly number[] {
    return this.list(name).map((value) => (isCount(value, 0xffff_ffff) ? value : this.#fail(name, 'whole numbers', 0)))
  }

  list(name: string): readonly unknown[] {
    const value = this.#take(name)
    return Array.isArray(value) ? value : this.#fail(name, 'a list', [])
  }

  texts(name: string): readonly string[] {
    return this.list(name).map((value) => (typeof value === 'string' ? value : this.#fail(name, 'texts', '')))
  }

  object(name: string): Fields {
    return new Fields(this.#ledger, this.#pathOf(name), this.#take(name))
  }

  objects(name: string): readonly Fields[] {
    return this.list(name).map((value, index) => new Fields(this.#ledger, `${this.#pathOf(name)}.${index}`, value))
  }

  /** To be called behind the last field: nothing may be left. Returns `value` for convenience. */
  end<T>(value: T): T {
    const extra = Object.keys(this.#fields).find((name) => !this.#read.has(name))
    if (extra !== undefined) this.#ledger.fault ??= `the field ${this.#pathOf(describeText(extra))} is not known`
    return value
  }

  /** What a check outside has found. */
  complain(name: string, expected: string): void {
    this.#fail(name, expected)
  }

  #take(name: string): unknown {
    this.#read.add(name)
    return this.#fields[name]
  }

  #pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`
  }

  #fail(name: string, expected: string): undefined
  #fail<T>(name: string, expected: string, value: T): T
  #fail<T>(name: string, expected: string, value?: T): T | undefined {
    const what = name === '' && this.#path === '' ? 'the line' : name === '' ? this.#path : this.#pathOf(name)
    this.#ledger.fault ??= `${what} is not ${expected}`
    return value
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isCount = (value: unknown, most: number): value is number =>
  Number.isInteger(value) && typeof value === 'number' && value >= 0 && value <= most
