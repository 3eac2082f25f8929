// Opens connections to a URL and holds them until SIGTERM. Prints the first of each answer, and `broken` where the other side ended it.
// Usage: held-main.ts URL COUNT
import { get } from 'node:http'

const [url = '', count = '1'] = process.argv.slice(2)
const requests = Array.from({ length: Number(count) }, () => {
  const request = get(url, { agent: false }, (response) => {
    response.on('data', (chunk: Buffer) => process.stdout.write(chunk))
    response.on('close', () => process.stdout.write('broken\n'))
    response.on('error', () => undefined)
  })
  request.on('error', (error) => process.stdout.write(`broken: ${error.message}\n`))
  return request
})
process.on('SIGTERM', () => {
  for (const request of requests) request.destroy()
  process.exit(0)
})
