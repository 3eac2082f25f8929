import { addressKey, formatAddress, parseAddress, type Address, type Family } from '@holdfast/ip'
import assert from 'node:assert/strict'
import type { FilterRule } from '../bfd-filter.ts'
import { SystemError } from '../bfd-native.ts'
import type { BfdPort, BfdReceiver, BfdSender, BfdSockets, SenderOptions, Source } from '../bfd-socket.ts'

export function address(text: string): Address {
  const parsed = parseAddress(text)
  assert.ok(parsed.ok)
  return parsed.value
}

interface FakeReceiver {
  rules: readonly FilterRule[]
  isStrict: boolean
  isOpen: boolean
  readonly receive: (bytes: Uint8Array, source: Source) => void
  readonly reflected: Uint8Array[]
}

/** Sockets that keep what is sent, and hand over what a test delivers. A call that `fails` names throws. */
export class FakeBfdSockets implements BfdSockets {
  readonly receivers = new Map<string, FakeReceiver>()
  readonly senders: { readonly options: SenderOptions; readonly sent: Uint8Array[]; isOpen: boolean }[] = []
  readonly devices = new Map<string, number>([['eth0', 2]])
  /** Errors of calls to come: by `receiver`, `rules`, `sender` or `send`. */
  readonly fails = new Map<string, string>()

  readonly openReceiver = (port: BfdPort, family: Family, receive: FakeReceiver['receive']): BfdReceiver => {
    this.#check('receiver')
    const made: FakeReceiver = { rules: [], isStrict: false, isOpen: true, receive, reflected: [] }
    this.receivers.set(`${port} ${family}`, made)
    return {
      setRules: (rules, isStrict) => {
        this.#check('rules')
        Object.assign(made, { rules, isStrict })
      },
      droppedCount: () => 0,
      reflect: (bytes) => void made.reflected.push(bytes),
      close: () => void (made.isOpen = false),
    }
  }

  readonly openSender = (options: SenderOptions): BfdSender => {
    this.#check('sender')
    const made = { options, sent: [] as Uint8Array[], isOpen: true }
    this.senders.push(made)
    return {
      port: 50_000,
      send: (bytes) => {
        this.#check('send')
        made.sent.push(bytes)
      },
      close: () => void (made.isOpen = false),
    }
  }

  readonly deviceIndex = (name: string): number => this.devices.get(name) ?? 0

  receiver(port: BfdPort, family: Family = 'ipv4'): FakeReceiver {
    const found = this.receivers.get(`${port} ${family}`)
    assert.ok(found !== undefined)
    return found
  }

  /** The one sender that is open towards this address. */
  senderTo(text: string): { readonly sent: Uint8Array[] } {
    const key = addressKey(address(text))
    const found = this.senders.find(({ options, isOpen }) => isOpen && addressKey(options.remote) === key)
    assert.ok(found !== undefined, `nothing sends to ${text}`)
    return found
  }

  deliver(bytes: Uint8Array, from: string, port: BfdPort = 'singleHop'): void {
    const [text = '', device] = from.split('%')
    const source = { address: formatAddress(address(text)), device, port: 49_152 }
    this.receiver(port, address(text).family).receive(bytes, source)
  }

  #check(call: string): void {
    const code = this.fails.get(call)
    if (code !== undefined) throw new SystemError(call, code)
  }
}
