import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { dirname } from 'node:path'

/** The questions that a running process answers, each with a value that becomes JSON. */
export type Answers = Readonly<Record<string, () => unknown>>

export type ApiStart =
  | { readonly kind: 'listening'; readonly close: () => Promise<void> }
  | { readonly kind: 'failed'; readonly message: string }

/**
 * Answers `GET <path>` over HTTP on a Unix socket that only the process's own user can open (mode 0600, in a directory of
 * mode 0700 where we made it). A socket file that nobody listens on any more is replaced.
 */
export async function startApi(path: string, answers: Answers): Promise<ApiStart> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  } catch (error) {
    return { kind: 'failed', message: messageOf(error) }
  }
  if (await isAnswered(path)) {
    return { kind: 'failed', message: 'another process answers there: choose another place with --socket' }
  }
  const inTheWay = removeDeadSocket(path)
  if (inTheWay !== undefined) return { kind: 'failed', message: inTheWay }
  const server = createServer({ keepAlive: false, requestTimeout: 10_000 }, (request, response) =>
    answer(answers, request, response),
  )
  const failure = await listening(server, path)
  if (failure !== undefined) return { kind: 'failed', message: failure }
  return { kind: 'listening', close: () => closed(server) }
}

/** Returns why the place cannot be had: what is there and is no socket is somebody's, and is left alone. */
function removeDeadSocket(path: string): string | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return undefined
  if (!found.isSocket()) return `there is something that is no socket: choose another place with --socket`
  rmSync(path, { force: true })
  return undefined
}

function answer(answers: Answers, request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
  const question = Object.hasOwn(answers, path) ? answers[path] : undefined
  if (request.method !== 'GET') {
    send(response, 405, { error: 'Only GET is answered.' })
    return
  }
  if (question === undefined) {
    send(response, 404, { error: `There is no ${request.url ?? '/'}; there are ${Object.keys(answers).join(', ')}.` })
    return
  }
  try {
    send(response, 200, question())
  } catch (error) {
    send(response, 500, { error: messageOf(error) })
  }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
  response.end(`${JSON.stringify(value)}\n`)
}

/** Resolves with why it cannot listen; undefined: it does. */
function listening(server: Server, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    server.once('error', (error) => resolve(error.message))
    // Between bind and chmod nobody else may open it either.
    const umask = process.umask(0o177)
    server.listen(path, () => {
      chmodSync(path, 0o600)
      server.on('error', () => undefined)
      server.unref()
      resolve(undefined)
    })
    process.umask(umask)
  })
}

/** Closes the socket and removes its file. */
function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
