/** Beyond so many different ones, sharing is not worth its memory. */
const mostShared = 50_000

/** For keys that were given before, what was given with them then: what many objects have in common is kept once. */
export function createSharing<T>(): (key: string, value: T) => T {
  const known = new Map<string, T>()
  return (key, value) => {
    const found = known.get(key)
    if (found !== undefined) return found
    if (known.size >= mostShared) known.clear()
    known.set(key, value)
    return value
  }
}

/** The first of equal texts. */
export function createSharedTexts(): (text: string) => string {
  const share = createSharing<string>()
  return (text) => share(text, text)
}
