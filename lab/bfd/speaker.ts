// BFD as `holdfast` runs it, alone: the real service with its thread, over real sockets. Reads the sessions from a file, again at
// SIGHUP, and prints every event and, ten times a second, every session as JSON lines. With `--block` the main thread computes
// for that many milliseconds at a time, with a pause of one millisecond.
// Usage: node speaker.ts FILE [--block MS] [--quiet]
import { parseAddress, type Address } from '@holdfast/ip'
import { createBfdService, type BfdSession } from '@holdfast/net'
import { systemClock } from '@holdfast/runtime'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { SpeakerSession } from './speaker-file.ts'

const { values, positionals } = parseArgs({
  options: { block: { type: 'string' }, quiet: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const [file = ''] = positionals
const service = createBfdService({ clock: systemClock() })
const open = new Map<string, { readonly text: string; readonly session: BfdSession }>()

const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

function address(text: string): Address {
  const parsed = parseAddress(text)
  if (!parsed.ok) throw new Error(`${text} ${parsed.fault.message}`)
  return parsed.value
}

/** The wall clock's time of a moment of `performance.now`, for other programs' logs have that. */
const wallMs = (ms: number): number => Date.now() - (performance.now() - ms)

function read(): void {
  // The lab writes this file itself.
  const wanted = JSON.parse(readFileSync(file, 'utf8')) as readonly SpeakerSession[]
  for (const [name, { session }] of open) {
    if (wanted.some((one) => one.name === name)) continue
    session.stop()
    open.delete(name)
  }
  for (const one of wanted) apply(one)
  print({ event: 'read' })
}

function apply({ name, remote, local, device, config }: SpeakerSession): void {
  const known = open.get(name)
  const text = JSON.stringify(config)
  if (known !== undefined) {
    if (known.text !== text) known.session.configure(config)
    open.set(name, { text, session: known.session })
    return
  }
  const session = service.open(
    { remote: address(remote), local: local === undefined ? undefined : address(local), device, config },
    (event) => print({ event: 'changed', name, ...event, wallMs: wallMs(session.snapshot().sinceMs) }),
  )
  open.set(name, { text, session })
}

read()
process.on('SIGHUP', read)
process.on('SIGTERM', () => {
  clearInterval(telling)
  void service.stop().then(() => {
    print({ event: 'stopped' })
    process.exit(0)
  })
})
const telling = setInterval(() => {
  if (values.quiet) return
  for (const [name, { session }] of open) print({ event: 'session', name, ...session.snapshot() })
}, 100)

if (values.block !== undefined) {
  const ms = Number(values.block)
  const block = (): void => {
    const end = performance.now() + ms
    while (performance.now() < end);
    setTimeout(block, 1)
  }
  block()
}
