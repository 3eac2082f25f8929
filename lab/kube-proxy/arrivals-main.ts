// Opens a new connection to a URL every EVERY milliseconds, whatever became of those before, until SIGTERM; then waits for those
// under way and prints what came of all of them: how often each answer came, how many never got a connection, and how many
// got one that broke before the answer was whole. Usage: arrivals-main.ts URL EVERY
import { get } from 'node:http'

const [url = '', every = '20'] = process.argv.slice(2)
/** TCP sends its first segment again after 1 s and after 3 s. */
const timeout = 5000
const answers = new Map<string, number>()
const errors = new Set<string>()
const failed = { refused: 0, broken: 0 }
let underWay = 0
let isEnding = false

function arrive(): void {
  underWay += 1
  let isConnected = false
  let hasResponse = false
  let body = ''
  const request = get(url, { agent: false, timeout }, (response) => {
    hasResponse = true
    response.on('data', (chunk: Buffer) => (body += chunk.toString()))
    response.on('end', () => answers.set(body, (answers.get(body) ?? 0) + 1))
    response.on('error', (error) => errors.add(error.message))
    response.on('close', () => ended(response.complete))
  })
  const ended = (isWhole: boolean): void => {
    underWay -= 1
    if (!isWhole) failed[isConnected ? 'broken' : 'refused'] += 1
    finish()
  }
  request.on('socket', (socket) => socket.once('connect', () => (isConnected = true)))
  request.on('timeout', () => request.destroy(new Error(`no answer within ${timeout / 1000} s`)))
  request.on('error', (error) => {
    errors.add(error.message)
    // Once there is a response, its own end is told.
    if (!hasResponse) ended(false)
  })
}

function finish(): void {
  if (!isEnding || underWay > 0) return
  const said = { answers: Object.fromEntries(answers), ...failed, errors: [...errors] }
  process.stdout.write(`${JSON.stringify(said)}\n`)
}

const timer = setInterval(arrive, Number(every))
process.on('SIGTERM', () => {
  clearInterval(timer)
  isEnding = true
  finish()
})
process.stdout.write('arriving\n')
