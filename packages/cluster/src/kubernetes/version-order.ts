import type { ApiFault, ResourceType } from './api.ts'

/** As the API server writes versions: decimal, without leading zeros. */
const decimal = /^[1-9]\d*$/

/** Whether a resourceVersion is one of those that `isOlder` can compare. */
export const isComparable = (version: string): boolean => decimal.test(version)

/**
 * Whether one resourceVersion of a server's came before another. Kubernetes promises since 1.35 that they compare as numbers; before,
 * they are the revisions of etcd, which do as well. Of what is no number, nothing is known: false.
 */
export function isOlder(version: string, than: string): boolean {
  if (!isComparable(version) || !isComparable(than)) return false
  // They may have more digits than a number holds.
  return version.length === than.length ? version < than : version.length < than.length
}

/** The server has gone back: what it gives as its present version is older than one that it gave before. */
export const wentBack = ({ kind }: ResourceType, version: string, position: string): ApiFault => ({
  kind: 'fault',
  code: 'gone',
  status: undefined,
  message: `the server is at version ${version} of ${kind}, and has been at ${position}, as when etcd is restored from a backup: all is listed anew`,
  retryAfterMs: undefined,
})
