import type { Clock } from '@holdfast/runtime'
import type { ApiFault, ResourceType, Watch, WatchEvent, WatchOptions } from './api.ts'
import { apiFault, faultOfError, faultOfErrorEvent } from './api-fault.ts'
import { collectionPath, queryOf, selectionText } from './api-path.ts'
import type { Answer } from './http-exchange.ts'
import { discard, type Requester } from './http-request.ts'
import { fieldsAt, parseJson, textAt } from './json-fields.ts'
import { isKubeObject } from './kube-object.ts'
import { isFields } from './plain-data.ts'
import { createLineSplitter } from './watch-lines.ts'

export interface HttpWatchContext {
  readonly requester: Requester
  readonly clock: Clock
  readonly maxLineBytes: number
  /** Told the type of an event that is none of ours; it is skipped. */
  readonly onUnknownEvent: (type: string) => void
}

/** The server ends a watch by itself; where it does not, we do, so much later. */
const graceMs = 30_000

type Outcome = { readonly kind: 'ended' } | ApiFault
type Reading = { readonly kind: 'event'; readonly event: WatchEvent } | { readonly kind: 'skipped' } | ApiFault

/** `KubeApi.watch` over HTTP: a request whose answer is a line of JSON for each event. */
export function httpWatch(
  context: HttpWatchContext,
  type: ResourceType,
  options: WatchOptions,
  observe: (event: WatchEvent) => void,
): Watch {
  const { clock, requester } = context
  const what = `watch ${selectionText(type, options)}`
  const abort = new AbortController()
  const { promise: ended, resolve } = Promise.withResolvers<Outcome>()
  let isOver = false

  const finish = (outcome: Outcome): void => {
    if (isOver) return
    isOver = true
    overdue.cancel()
    abort.abort()
    resolve(outcome)
  }
  const overdue = clock.after(options.timeoutSeconds * 1000 + graceMs, () =>
    finish(apiFault('timeout', `${what}: the server did not end it after ${options.timeoutSeconds} s`)),
  )
  const take = (line: string): void => {
    const reading = readEvent(what, type, line)
    if (reading.kind === 'event') observe(reading.event)
    else if (reading.kind === 'fault') finish(reading)
    else context.onUnknownEvent(unknownTypeOf(line))
  }
  const follow = ({ stream, patience, isWhole }: Answer): void => {
    // A watch may be silent for long: how long is for the caller to judge.
    patience.end()
    const lines = createLineSplitter(context.maxLineBytes, take, () => !isOver)
    stream.on('data', (chunk: Buffer) => {
      if (isOver || lines.push(chunk)) return
      finish(apiFault('badAnswer', `${what}: an event has more than ${context.maxLineBytes} octets`))
    })
    stream.on('end', () => finish(lines.isWithinLine() || !isWhole() ? cut(what) : { kind: 'ended' }))
    stream.on('error', (error) => finish(faultOfError(what, 'the server', error)))
    stream.on('close', () => finish(cut(what)))
  }
  const start = async (): Promise<void> => {
    const path = `${collectionPath(type, options.namespace)}${queryOf(parametersOf(options))}`
    const opened = await requester.open({ what, method: 'GET', path, signal: abort.signal })
    if (opened.kind === 'fault') {
      finish(opened)
      return
    }
    // The API server has no other success for a watch: what else comes is of something between, which says nothing of when it began.
    if (!isOver && opened.value.status === 200) options.accepted?.()
    if (isOver) discard(opened.value)
    else follow(opened.value)
  }
  void start()
  return { stop: () => finish({ kind: 'ended' }), ended }
}

const parametersOf = (options: WatchOptions): Readonly<Record<string, string | number | undefined>> => ({
  watch: 'true',
  allowWatchBookmarks: 'true',
  resourceVersion: options.resourceVersion,
  timeoutSeconds: options.timeoutSeconds,
  fieldSelector: options.fieldSelector,
  labelSelector: options.labelSelector,
})

const cut = (what: string): ApiFault =>
  apiFault('unreachable', `${what}: the connection broke in the middle of an event`)

function readEvent(what: string, type: ResourceType, line: string): Reading {
  const event = parseJson(line)?.value
  if (!isFields(event) || typeof event['type'] !== 'string') {
    return apiFault('badAnswer', `${what}: what came is no event of a watch`)
  }
  const object = event['object']
  switch (event['type']) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return isKubeObject(object, type)
        ? { kind: 'event', event: { type: event['type'], object } }
        : apiFault('badAnswer', `${what}: an event has no ${type.kind}`)
    case 'BOOKMARK':
      return bookmark(what, object)
    case 'ERROR':
      return faultOfErrorEvent(what, object)
    default:
      return { kind: 'skipped' }
  }
}

function bookmark(what: string, object: unknown): Reading {
  const resourceVersion = isFields(object) ? textAt(fieldsAt(object, 'metadata'), 'resourceVersion') : undefined
  return resourceVersion === undefined || resourceVersion === ''
    ? apiFault('badAnswer', `${what}: a bookmark has no resourceVersion`)
    : { kind: 'event', event: { type: 'BOOKMARK', resourceVersion } }
}

function unknownTypeOf(line: string): string {
  const event = parseJson(line)?.value
  return isFields(event) ? (textAt(event, 'type') ?? '').slice(0, 64) : ''
}
