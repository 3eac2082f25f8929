import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { eventually } from '../harness/eventually.ts'
import type { Lab } from '../harness/lab.ts'
import type { LabProcess } from '../harness/process.ts'
import { boundToUs } from './control-plane.ts'

const program = fileURLToPath(import.meta.resolve('./relay-main.ts'))

/** Each a Unix socket's path, or ADDRESS@PORT in the namespace. */
export interface Way {
  readonly from: string
  readonly to: string
}

let relaysMade = 0

/** A way into or out of a namespace, past its network; resolves when it is open. */
export async function startRelay(lab: Lab, namespace: string, { from, to }: Way): Promise<LabProcess> {
  relaysMade += 1
  const command = boundToUs([process.execPath, program, from, to])
  const relay = lab.start(namespace, `relay-${relaysMade}`, command)
  await eventually(
    'the relay listens',
    () => relay.output(),
    (output) => assert.match(output, /listening/),
  )
  return relay
}
