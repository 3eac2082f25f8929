// Fault proxies, one for each name, in the network namespace that this runs in. They are told what to do over a Unix socket: a line
// of JSON for each call, and one for its answer. Usage: proxies-main.ts PLAN.json
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import type { FaultProxy } from '../cluster/proxy.ts'
import { startProxy } from '../cluster/proxy.ts'
import type { Call, ProxiesPlan } from './proxies.ts'
import { readCall } from './proxies.ts'

const plan = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as ProxiesPlan
const { address, target, authorityFile, certificate, stranger, protocols } = plan
const authority = { certificateFile: authorityFile, issue: () => Promise.resolve(certificate) }
const proxies = new Map<string, FaultProxy>()
for (const [index, name] of plan.names.entries()) {
  const protocol = protocols[index % protocols.length] ?? 'http/1.1'
  proxies.set(name, await startProxy({ target, authority, address, protocol }))
}

async function perform({ name, does }: Call): Promise<unknown> {
  const proxy = proxies.get(name)
  if (proxy === undefined) throw new Error(`no proxy ${name}`)
  switch (does.kind) {
    case 'setRules':
      proxy.setRules(...does.rules)
      return
    case 'applied':
      return proxy.applied(does.rule)
    case 'events':
      return proxy.events(does.resource)
    case 'open':
      return proxy.open(does.on)
    case 'breakOff':
      return proxy.breakOff(does.on)
    case 'halfClose':
      return proxy.halfClose(does.on)
    case 'down':
      await proxy.down()
      return
    case 'up':
      await proxy.up()
      return
    case 'present':
      proxy.present(does.isStranger ? stranger : undefined)
      return
  }
}

const control = createServer((socket) => {
  const answer = async (line: string): Promise<void> => {
    const call = readCall(line)
    const value = await perform(call)
    socket.write(`${JSON.stringify({ id: call.id, value: value ?? null })}\n`)
  }
  socket.on('error', () => socket.destroy())
  createInterface(socket).on('line', (line) => void answer(line))
})
const urls = Object.fromEntries([...proxies].map(([name, { url }]) => [name, url]))
control.listen(plan.socket, () => process.stdout.write(`${JSON.stringify({ urls })}\n`))
