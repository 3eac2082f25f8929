// A process that follows twelve selections with the client of packages/cluster, as a speaker does, and tells how much memory that takes
// and how old events are when they come: `node --expose-gc bench/scale/watcher-main.ts KUBECONFIG http1|http2`. Each line that
// comes in is a command: `report`.
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { syncBuiltinESMExports } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import tls from 'node:tls'
import { createHttpApi, loadCredentials, resourceTypes } from '@holdfast/cluster'
import { systemClock } from '@holdfast/runtime'

const [kubeconfig = '', protocol = 'http2'] = process.argv.slice(2)
const idleBytes = memoryNow()
if (protocol === 'http1') {
  const { connect } = tls
  const onlyHttp1 = (options: tls.ConnectionOptions) => connect({ ...options, ALPNProtocols: ['http/1.1'] })
  Object.assign(tls, { connect: onlyHttp1 })
  syncBuiltinESMExports()
}
const clock = systemClock()
const wallNowMs = () => Date.now()
const credentials = await loadCredentials({ clock, wallNowMs, env: {}, homeDirectory: '/nonexistent', kubeconfig })
if (credentials.kind === 'fault') throw new Error(credentials.reason)
const api = createHttpApi({ credentials: credentials.value, clock, wallNowMs, userAgent: 'holdfast-bench' })
const page = await api.list(resourceTypes.Service, {})
if (page.kind === 'fault') throw new Error(page.message)
const { resourceVersion } = page.value
const ages: number[] = []
let events = 0
for (let index = 0; index < 12; index += 1) {
  const selection = index === 0 ? {} : { labelSelector: `nobody-has=${index}` }
  api.watch(resourceTypes.Service, { ...selection, resourceVersion, timeoutSeconds: 600 }, (event) => {
    if (event.type === 'BOOKMARK') return
    events += 1
    const sentMs = Number(event.object.metadata.annotations?.['sent'])
    if (sentMs > 0) ages.push(performance.timeOrigin + performance.now() - sentMs)
  })
}
await sleep(1500)
process.stdout.write('ready\n')
const lines = createInterface({ input: process.stdin })
for (;;) {
  await once(lines, 'line')
  ages.sort((a, b) => a - b)
  const at = (share: number): number => ages[Math.floor(ages.length * share)] ?? 0
  process.stdout.write(
    `${JSON.stringify({ protocol, events, p50: at(0.5), p99: at(0.99), idleBytes, bytes: memoryNow(), cpuMs: process.cpuUsage().user / 1000 })}\n`,
  )
}

/** Resident, after the garbage has gone. */
function memoryNow(): number {
  for (let times = 0; times < 4; times += 1) globalThis.gc?.()
  return process.memoryUsage().rss
}
