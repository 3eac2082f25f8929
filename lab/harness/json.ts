import { inspect } from 'node:util'

/** Another program's JSON, read field by field: whatever is not as expected throws with the path that was asked for. */
export class Json {
  readonly #value: unknown
  readonly #path: string

  constructor(value: unknown, path = '$') {
    this.#value = value
    this.#path = path
  }

  static parse(text: string): Json {
    return new Json(JSON.parse(text))
  }

  get isMissing(): boolean {
    return this.#value === undefined
  }

  at(key: string): Json {
    if (this.isMissing) return new Json(undefined, `${this.#path}.${key}`)
    return new Json(this.#fields()[key], `${this.#path}.${key}`)
  }

  keys(): readonly string[] {
    return this.isMissing ? [] : Object.keys(this.#fields())
  }

  /** The elements; none where the field is missing. */
  list(): readonly Json[] {
    if (this.isMissing) return []
    if (!Array.isArray(this.#value)) throw this.#unexpected('an array')
    return this.#value.map((element, index) => new Json(element, `${this.#path}[${index}]`))
  }

  text(): string {
    if (typeof this.#value !== 'string') throw this.#unexpected('a string')
    return this.#value
  }

  textOr<Other>(other: Other): string | Other {
    return this.isMissing ? other : this.text()
  }

  number(): number {
    if (typeof this.#value !== 'number') throw this.#unexpected('a number')
    return this.#value
  }

  numberOr<Other>(other: Other): number | Other {
    return this.isMissing ? other : this.number()
  }

  /** For `JSON.stringify`: the text of the value. */
  toJSON(): unknown {
    return this.#value
  }

  /** True where the field is there and true. */
  isTrue(): boolean {
    return this.#value === true
  }

  #fields(): Record<string, unknown> {
    if (typeof this.#value !== 'object' || this.#value === null) throw this.#unexpected('an object')
    // Any object is a record of unknown values, which is all that is claimed here.
    return this.#value as Record<string, unknown>
  }

  #unexpected(wanted: string): Error {
    return new Error(`${this.#path} is not ${wanted}: ${inspect(this.#value)}`)
  }
}
