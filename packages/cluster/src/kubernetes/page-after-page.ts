/** One page of a list, asked for by what the page before says; `foresee` is told what the next one is asked for by. */
type AskPage<T> = (token: string | undefined, foresee: (next: string) => void) => Promise<T>

interface Page<T> {
  readonly token: string | undefined
  readonly answer: Promise<T>
  next: string | undefined
}

/**
 * Gives one page after another, as `ask` does, and asks for the next one as soon as it is foreseen: what the server and the way to it take is
 * not waited for while items are being read. Never more than one ahead.
 */
export function pageAfterPage<T>(ask: AskPage<T>): (token: string | undefined) => Promise<T> {
  let current: Page<T> | undefined
  let ahead: Page<T> | undefined
  const begin = (token: string | undefined): Page<T> => {
    const answer = ask(token, (next) => {
      page.next = next
      if (page === current) ahead ??= begin(next)
    })
    // Nobody may ever ask for one that is ahead.
    answer.catch(() => undefined)
    const page: Page<T> = { token, answer, next: undefined }
    return page
  }
  return (token) => {
    current = ahead?.token === token && ahead !== undefined ? ahead : begin(token)
    ahead = current.next === undefined ? undefined : begin(current.next)
    return current.answer
  }
}
