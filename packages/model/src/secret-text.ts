/** A password: a value that shows itself to nobody by accident, neither in JSON, nor in a text, nor in an inspection. */
export class SecretText {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** For the one call that needs it. */
  reveal(): string {
    return this.#text
  }

  equals(other: SecretText | undefined): boolean {
    return other !== undefined && other.#text === this.#text
  }

  toString(): string {
    return '(secret)'
  }

  toJSON(): string {
    return '(secret)'
  }
}
