import { request, type Agent } from 'node:https'
import { headersOf, noAnswer, patienceOf, type Answer, type Call, type NoAnswer, type Route } from './http-exchange.ts'
import { keepAlive } from './keep-alive.ts'

/** Sends a call over HTTP/1.1 and resolves when the head of the answer is there. Never rejects. */
export async function exchangeOverHttp1(call: Call, route: Route, agent: Agent): Promise<Answer | NoAnswer> {
  return await new Promise((resolve) => {
    const { limits, server } = route
    const outgoing = begin(call, route, agent)
    if (outgoing instanceof Error) return resolve(noAnswer(call, server, outgoing))
    const { patience, late } = patienceOf(call, route, (fault) => outgoing.destroy(new Error(fault.message)))
    outgoing.on('socket', (socket) => {
      keepAlive(socket)
      const expectAnswer = (): void => patience.expect('the answer', limits.answerMs)
      if (outgoing.reusedSocket) return expectAnswer()
      patience.expect('the connection', limits.connectMs)
      socket.once('secureConnect', expectAnswer)
    })
    outgoing.on('response', (stream) => {
      resolve({
        kind: 'answer',
        status: stream.statusCode ?? 0,
        headers: stream.headers,
        stream,
        isWhole: () => stream.complete,
        abandon: () => void stream.destroy(),
        patience,
        late,
      })
    })
    // Stays for as long as the request does: an error after the answer is the stream's to tell.
    outgoing.on('error', (error) => {
      patience.end()
      const fault = late()
      const isStale = outgoing.reusedSocket && fault === undefined
      resolve(noAnswer(call, server, error, { isStale, ...(fault === undefined ? {} : { fault }) }))
    })
    outgoing.end(call.body)
  })
}

function begin(call: Call, route: Route, agent: Agent) {
  const headers = headersOf(call, route)
  if (headers instanceof Error) return headers
  const { host, port, basePath } = route.server
  const signal = call.signal === undefined ? {} : { signal: call.signal }
  return request({ agent, host, port, method: call.method, path: `${basePath}${call.path}`, headers, ...signal })
}
