import { spawnSync } from 'node:child_process'
import { run } from '../harness/command.ts'

/**
 * Loses packets of TCP ports of a namespace on their way to and from other namespaces: no end of a connection learns of it. What
 * stays within the namespace passes, and with it the test's own requests.
 */
export interface PacketLoss {
  /** From now on all packets of this port are lost (true), or pass again. */
  readonly set: (port: number, isLost: boolean) => Promise<void>
}

/** What `skip` of a test that loses packets is set to. Under CI a missing program is a failure. */
export function packetLossSkip(): string | false {
  if (spawnSync('nft', ['--version']).status === 0) return false
  if (process.env['CI'] === 'true') throw new Error('nft missing (package nftables)')
  return 'nft missing (package nftables)'
}

/** Needs nftables. Once for a namespace. */
export async function createPacketLoss(namespace: string): Promise<PacketLoss> {
  const nft = (...words: readonly string[]): Promise<string> => run('ip', 'netns', 'exec', namespace, 'nft', ...words)
  await nft('add', 'table', 'inet', 'faults')
  await nft('add', 'set', 'inet', 'faults', 'lost', '{ type inet_service; }')
  for (const [hook, port, device] of [
    ['input', 'dport', 'iifname'],
    ['output', 'sport', 'oifname'],
  ] as const) {
    await nft('add', 'chain', 'inet', 'faults', hook, `{ type filter hook ${hook} priority 0; }`)
    await nft('add', 'rule', 'inet', 'faults', hook, device, '!=', 'lo', 'tcp', port, '@lost', 'drop')
  }
  return {
    set: async (port, isLost) => {
      await nft(isLost ? 'add' : 'delete', 'element', 'inet', 'faults', 'lost', `{ ${port} }`)
    },
  }
}
