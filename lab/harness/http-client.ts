// Fetches a URL over COUNT new connections, ten at a time, and prints how often each answer came, as one JSON object.
// Usage: http-client.ts URL COUNT
import { get } from 'node:http'

const [url = '', count = '1'] = process.argv.slice(2)
const answers = new Map<string, number>()

const fetchOnce = (): Promise<string> =>
  new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: 3000 }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('end', () => resolve(body))
    })
    request.on('timeout', () => request.destroy(new Error('no answer within 3 s')))
    request.on('error', (error) => resolve(`error: ${error.message}`))
  })

let left = Number(count)
const worker = async (): Promise<void> => {
  while (left > 0) {
    left -= 1
    const answer = await fetchOnce()
    answers.set(answer, (answers.get(answer) ?? 0) + 1)
  }
}
await Promise.all(Array.from({ length: 10 }, worker))
process.stdout.write(JSON.stringify(Object.fromEntries(answers)))
