import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { ApiFault, ApiResult } from './api.ts'
import { apiFault, faultOfError } from './api-fault.ts'
import type { Answer } from './http-exchange.ts'
import { parseJson } from './json-fields.ts'
import { createListReader, type ItemTaker } from './list-reader.ts'

export interface BodyLimits {
  readonly maxBytes: number
  /** Between two pieces. */
  readonly idleMs: number
}

export type Body = { readonly kind: 'body'; readonly value: unknown } | ApiFault

/** Reads an answer to its end and parses it. JSON only; `badAnswer` where it is none, or longer than allowed. */
export async function readJson(what: string, answer: Answer, limits: BodyLimits): Promise<Body> {
  const bytes = await readBytes(what, answer, limits)
  if (!Buffer.isBuffer(bytes)) return bytes
  return bodyOf(what, answer, parseJson(bytes.toString('utf8')))
}

/** The same of a list, whose items `items` is given while they arrive; those that it was not given are in the value. */
export async function readList(what: string, answer: Answer, limits: BodyLimits, items: ItemTaker): Promise<Body> {
  const reader = createListReader(items)
  const fault = await readPieces(what, answer, limits, reader.push)
  return fault ?? bodyOf(what, answer, reader.end())
}

function bodyOf(what: string, { status }: Answer, parsed: { readonly value: unknown } | undefined): Body {
  if (parsed !== undefined) return { kind: 'body', value: parsed.value }
  return apiFault('badAnswer', `${what}: the server's answer is no JSON: is that the API server?`, { status })
}

/** Reads an answer to its end, as text. */
export async function readText(what: string, answer: Answer, limits: BodyLimits): Promise<ApiResult<string>> {
  const bytes = await readBytes(what, answer, limits)
  return Buffer.isBuffer(bytes) ? { kind: 'ok', value: bytes.toString('utf8') } : bytes
}

/** Reads what an answer that is no success says, as far as it can be read; undefined: nothing to be understood. */
export async function readExplanation(answer: Answer, limits: BodyLimits): Promise<unknown> {
  const bytes = await readBytes('', answer, limits)
  return Buffer.isBuffer(bytes) ? parseJson(bytes.toString('utf8'))?.value : undefined
}

async function readBytes(what: string, answer: Answer, limits: BodyLimits): Promise<Buffer | ApiFault> {
  const pieces: Buffer[] = []
  const fault = await readPieces(what, answer, limits, (piece) => void pieces.push(piece))
  return fault ?? Buffer.concat(pieces)
}

/** Gives each piece to `push`; resolves after the last one, or with the reason that there is none. Rejects where `push` throws. */
async function readPieces(
  what: string,
  answer: Answer,
  limits: BodyLimits,
  push: (piece: Buffer) => void,
): Promise<ApiFault | undefined> {
  const { stream, patience, status, headers, isWhole } = answer
  const tooLong = apiFault('badAnswer', `${what}: the server's answer has more than ${limits.maxBytes} octets`, {
    status,
  })
  return await new Promise((resolve, reject) => {
    let length = 0
    const finish = (result: ApiFault | undefined): void => {
      patience.end()
      resolve(result)
    }
    const giveUp = (fault: ApiFault): void => {
      finish(fault)
      answer.abandon()
    }
    const take = (piece: Buffer): void => {
      length += piece.length
      if (length > limits.maxBytes) return giveUp(tooLong)
      patience.expect('the rest of the answer', limits.idleMs)
      try {
        push(piece)
      } catch (error) {
        patience.end()
        answer.abandon()
        reject(error instanceof Error ? error : new Error(String(error)))
      }
    }
    const broken = (error?: unknown): void => finish(answer.late() ?? faultOfError(what, 'the server', error))
    stream.on('error', broken)
    if (Number(headers['content-length'] ?? 0) > limits.maxBytes) return giveUp(tooLong)
    patience.expect('the rest of the answer', limits.idleMs)
    const content = contentOf(answer)
    const damaged = apiFault('badAnswer', `${what}: the server's answer is compressed, and damaged`, { status })
    if (content !== stream) content.on('error', () => giveUp(damaged))
    // The end of a compressed answer comes after the connection's, which may be closed by then.
    stream.on('close', () => (isWhole() ? undefined : broken()))
    content.on('end', () => (isWhole() ? finish(undefined) : broken()))
    content.on('data', take)
  })
}

/** A page is some megabytes, and each piece is a way to another thread and back. */
const chunkSize = 64 * 1024

function contentOf({ stream, headers }: Answer): Readable {
  return headers['content-encoding'] === 'gzip' ? stream.pipe(createGunzip({ chunkSize })) : stream
}
