// The workload of a pod: answers every request with its name and the address that it sees the client at. A request for /held is
// answered in part and stays open until the client ends it. Usage: pod-main.ts NAME PORT
import { createServer } from 'node:http'

const [name = '', port = '80'] = process.argv.slice(2)
const server = createServer(({ url, socket }, response) => {
  const client = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
  if (url === '/held') response.write(`${name} ${client}\n`)
  else response.setHeader('connection', 'close').end(`${name} ${client}`)
})
server.listen(Number(port), '::', () => process.stdout.write('listening\n'))
