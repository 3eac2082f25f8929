import type { OutgoingHttpHeaders } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import { Json } from '../harness/json.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: Json
}

export interface Endpoint {
  /** https://HOST:PORT */
  readonly url: string
  /** PEM. */
  readonly authority: string
  readonly token: string
}

/** The answer as it came, whatever its status; rejects where none came. */
type Send = (method: string, path: string, body?: unknown, contentType?: string) => Promise<Answer>

/**
 * What a test does to a cluster, over connections that are kept: thousands of objects in seconds. Deliberately not the
 * product's own client, which is what is tested. Paths are the API server's, with their query.
 */
export interface ApiClient {
  readonly send: Send
  /** These reject where the status is not 2xx; the message carries the server's own. */
  readonly get: (path: string) => Promise<Json>
  readonly create: (path: string, object: unknown) => Promise<Json>
  readonly replace: (path: string, object: unknown) => Promise<Json>
  /** JSON merge patch (RFC 7396). */
  readonly merge: (path: string, patch: unknown) => Promise<Json>
  /** Server-side apply as the manager `lab`, forced. */
  readonly apply: (path: string, object: unknown) => Promise<Json>
  readonly remove: (path: string) => Promise<Json>
  readonly close: () => void
}

/** `connections` bounds how many requests are under way at once; further ones wait. */
export function createApiClient(endpoint: Endpoint, connections = 16): ApiClient {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, ca: endpoint.authority })
  const send: Send = (method, path, body, contentType = 'application/json') => {
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    const headers: OutgoingHttpHeaders = { authorization: `Bearer ${endpoint.token}`, accept: 'application/json' }
    if (payload !== undefined) Object.assign(headers, { 'content-type': contentType, 'content-length': payload.length })
    return exchange(new URL(path, endpoint.url), { agent, method, headers }, payload)
  }
  const demand = async (...request: Parameters<Send>): Promise<Json> => {
    const { status, body } = await send(...request)
    if (status >= 200 && status < 300) return body
    throw new Error(`${request[0]} ${request[1]}: ${status} ${body.at('message').textOr('')}`)
  }
  return {
    send,
    get: (path) => demand('GET', path),
    create: (path, object) => demand('POST', path, object),
    replace: (path, object) => demand('PUT', path, object),
    merge: (path, patch) => demand('PATCH', path, patch, 'application/merge-patch+json'),
    // JSON is YAML, as which the API server wants it.
    apply: (path, object) => {
      const sign = path.includes('?') ? '&' : '?'
      return demand('PATCH', `${path}${sign}fieldManager=lab&force=true`, object, 'application/apply-patch+yaml')
    },
    remove: (path) => demand('DELETE', path),
    close: () => agent.destroy(),
  }
}

function exchange(
  url: URL,
  options: { readonly agent: Agent; readonly method: string; readonly headers: OutgoingHttpHeaders },
  payload: Buffer | undefined,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, options, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: readBody(text) })
      })
    })
    request.on('error', reject)
    request.end(payload)
  })
}

/** Not everything is JSON: /readyz is text. */
const readBody = (text: string): Json => (text.startsWith('{') ? Json.parse(text) : new Json({ message: text }))
