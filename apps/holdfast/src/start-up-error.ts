/** Why the program cannot start, and what to do: for standard error, with exit code 3. */
export class StartUpError extends Error {
  override readonly name = 'StartUpError'
  readonly remedy: string

  constructor(message: string, remedy: string) {
    super(message)
    this.remedy = remedy
  }
}

/** What the command line names is not there: a matter of the command line, with exit code 2. */
export class NotThere extends StartUpError {}
