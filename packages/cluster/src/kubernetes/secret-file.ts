import { readFile } from 'node:fs/promises'
import { SecretText } from '@holdfast/model'
import type { Clock } from '@holdfast/runtime'
import { explainIo } from '../io-error.ts'
import { refusal, type CredentialsResult } from './credentials-types.ts'

/** Kubelet renews a projected token after 80 % of its life, of which the shortest is ten minutes. */
const maxAgeMs = 60_000

/** A text that may be replaced at any time: a token, a certificate, a key. */
export interface SecretSource {
  /** The text; the same object as before as long as it did not change. */
  readonly read: () => Promise<CredentialsResult<SecretText>>
  /** The next `read` looks again. */
  readonly expire: () => void
}

/** A text that never changes. */
export function constantSecret(text: SecretText): SecretSource {
  return { read: async () => Promise.resolve({ kind: 'ok', value: text }), expire: () => undefined }
}

/** A file, read again when a minute has passed. Where it cannot be read any more, or is empty, the last text stays. */
export function secretFile(path: string, what: string, clock: Clock): SecretSource {
  let known: SecretText | undefined
  let readAtMs = -Infinity

  const read = async (): Promise<CredentialsResult<SecretText>> => {
    if (known !== undefined && clock.now() - readAtMs < maxAgeMs) return { kind: 'ok', value: known }
    const atMs = clock.now()
    const reading = await readText(path, what)
    if (reading.kind === 'fault') return known === undefined ? reading : { kind: 'ok', value: known }
    readAtMs = atMs
    if (!reading.value.equals(known)) known = reading.value
    return { kind: 'ok', value: known ?? reading.value }
  }
  return { read, expire: () => void (readAtMs = -Infinity) }
}

async function readText(path: string, what: string): Promise<CredentialsResult<SecretText>> {
  try {
    const text = (await readFile(path, 'utf8')).trim()
    if (text !== '') return { kind: 'ok', value: new SecretText(text) }
    return refusal(`${what} ${path} is empty`, 'Put it there again, or correct the path.')
  } catch (error) {
    const { reason, remedy } = explainIo(error)
    return refusal(`${what} ${path} cannot be read: ${reason}`, remedy)
  }
}
