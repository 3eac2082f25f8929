/** Does `work` for each item, at most `limit` at a time, in order of their begin; ends early once `isCut` says so. */
export async function inParallel<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
  isCut: () => boolean = () => false,
): Promise<void> {
  const rest = items[Symbol.iterator]()
  const worker = async (): Promise<void> => {
    for (let next = rest.next(); next.done !== true; next = rest.next()) {
      if (isCut()) return
      await work(next.value)
    }
  }
  await Promise.all(Array.from({ length: limit }, worker))
}
