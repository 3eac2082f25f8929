// The workload behind a Service: answers every request with the name of the node it runs on.
// Usage: http-server.ts NAME PORT
import { createServer } from 'node:http'

const [name = '', port = '80'] = process.argv.slice(2)
const server = createServer((_request, response) => response.setHeader('connection', 'close').end(name))
server.listen(Number(port), '::', () => process.stdout.write('listening\n'))
