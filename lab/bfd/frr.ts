import { chownSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { frrDaemons } from '../harness/capability.ts'
import { run } from '../harness/command.ts'
import { eventually } from '../harness/eventually.ts'
import { Json } from '../harness/json.ts'
import type { Lab } from '../harness/lab.ts'
import type { LabProcess } from '../harness/process.ts'
import { priority, type PeerOptions } from './capability.ts'
import type { Machine } from './segment.ts'

/** What bfdd says of one peer: times in milliseconds, what it is told by the peer under `remote`. */
export interface FrrPeer {
  readonly state: string
  readonly diagnostic: string
  readonly remoteDiagnostic: string
  readonly receiveMs: number
  readonly transmitMs: number
  readonly remoteReceiveMs: number
  readonly remoteTransmitMs: number
  readonly remoteMultiplier: number
  readonly remoteEchoReceiveMs: number
}

/** FRR's bfdd in a namespace, with the zebra that tells it the interfaces. */
export class FrrBfd {
  readonly process: LabProcess
  readonly #folder: string

  private constructor(folder: string, process: LabProcess) {
    this.#folder = folder
    this.process = process
  }

  static async start(lab: Lab, machine: Machine, { name, lines, isAhead = true }: PeerOptions): Promise<FrrBfd> {
    const folder = join(lab.directory, name)
    const { uid, gid } = statSync('/etc/frr')
    mkdirSync(folder)
    writeFileSync(join(folder, 'zebra.conf'), `hostname ${name}\n`)
    const logging = ['log timestamp precision 6', 'debug bfd peer', 'debug bfd zebra']
    writeFileSync(join(folder, 'bfdd.conf'), [`hostname ${name}`, ...logging, 'bfd', ...lines, ''].join('\n'))
    for (const path of [folder, join(folder, 'zebra.conf'), join(folder, 'bfdd.conf')]) chownSync(path, uid, gid)
    const daemon = (program: string, ...more: string[]): LabProcess =>
      lab.start(machine.namespace, `${name}-${program}`, [
        ...priority(isAhead),
        join(frrDaemons, program),
        ...['-f', join(folder, `${program}.conf`), '--vty_socket', folder, '-z', join(folder, 'zserv.api')],
        ...['-i', join(folder, `${program}.pid`), '-P', '0', '--log', 'stdout', ...more],
      ])
    daemon('zebra')
    await exists(join(folder, 'zserv.api'))
    const bfdd = daemon('bfdd', '--bfdctl', join(folder, 'bfdd.sock'))
    await exists(join(folder, 'bfdd.vty'))
    return new FrrBfd(folder, bfdd)
  }

  async peer(address: string): Promise<FrrPeer> {
    const view = await this.#find('show bfd peers json', address)
    return {
      state: view.at('status').text(),
      diagnostic: view.at('diagnostic').textOr(''),
      remoteDiagnostic: view.at('remote-diagnostic').textOr(''),
      receiveMs: view.at('receive-interval').number(),
      transmitMs: view.at('transmit-interval').number(),
      remoteReceiveMs: view.at('remote-receive-interval').number(),
      remoteTransmitMs: view.at('remote-transmit-interval').number(),
      remoteMultiplier: view.at('remote-detect-multiplier').number(),
      remoteEchoReceiveMs: view.at('remote-echo-receive-interval').numberOr(0),
    }
  }

  /** When the session with this address went from up to down, by the wall clock in milliseconds. */
  downs(address: string): readonly number[] {
    return this.#changes(address, 'up -> down')
  }

  ups(address: string): readonly number[] {
    return this.#changes(address, '-> up')
  }

  #changes(address: string, change: string): readonly number[] {
    return this.process
      .output()
      .split('\n')
      .flatMap((line) => {
        const [, date, time, who] = /^(\S+) (\S+) BFD: .*state-change: \[mhop:\w+ peer:(\S+) /.exec(line) ?? []
        return who === address && line.includes(change) ? [wallMs(`${date ?? ''} ${time ?? ''}`)] : []
      })
  }

  async counter(address: string, name: string): Promise<number> {
    return (await this.#find('show bfd peers counters json', address)).at(name).number()
  }

  /** Commands in configuration mode, each in the view that those before it left. */
  async configure(...lines: readonly string[]): Promise<void> {
    const commands = ['configure terminal', 'bfd', ...lines].flatMap((line) => ['-c', line])
    await run('vtysh', '--vty_socket', this.#folder, ...commands)
  }

  async #find(command: string, address: string): Promise<Json> {
    const peers = Json.parse(await run('vtysh', '--vty_socket', this.#folder, '-c', command)).list()
    const found = peers.find((one) => one.at('peer').text() === address)
    if (found === undefined) throw new Error(`bfdd has no peer ${address}`)
    return found
  }
}

/** `2026/11/21 14:57:43.822102`, which is local time. */
function wallMs(text: string): number {
  const [whole = '', fraction = '0'] = text.split('.')
  return new Date(whole).getTime() + Number(`0.${fraction}`) * 1000
}

const exists = (path: string): Promise<boolean> =>
  eventually(
    `${path} exists`,
    () => existsSync(path),
    (found) => {
      if (!found) throw new Error('the daemon did not make it')
    },
  )
