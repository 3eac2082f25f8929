/**
 * A text of at most `most` UTF-16 units, as the API server keeps it: no character is cut in half, and what is no character is replaced as
 * the server would. A text that it changed would never be what was written.
 */
export function shortText(text: string, most: number): string {
  const isCutInHalf = text.length > most && /[\uD800-\uDBFF]/.test(text.charAt(most - 1))
  return text.slice(0, isCutInHalf ? most - 1 : most).toWellFormed()
}
