import type { Endpoint } from '@holdfast/net'
import { createTcpTransport, formatEndpoint } from '@holdfast/net'
import { onShutdown, systemClock } from '@holdfast/runtime'
import { exitCode } from '../exit-codes.ts'
import { chooseOutput } from '../output/output.ts'
import { standardOutput } from '../output/standard-output.ts'
import { version } from '../version.ts'
import { startRouter } from './router.ts'

export interface RouterCommand {
  readonly listen: Endpoint
  readonly asn: number
  readonly json: boolean
}

/** `holdfast router`: runs until a signal asks it to end; returns the exit code. */
export async function runRouter(command: RouterCommand): Promise<number> {
  const clock = systemClock()
  const output = chooseOutput(standardOutput(), { json: command.json, clock, nowIso: () => new Date().toISOString() })
  const report = output.report
  report({ event: 'started', mode: 'router', version, pid: process.pid })
  const start = await startRouter({
    listen: command.listen,
    asn: command.asn,
    transport: createTcpTransport(clock),
    clock,
    report,
  })
  if (start.kind === 'failed') {
    report({ event: 'stopped', exitCode: exitCode.startUp })
    output.close()
    process.stderr.write(`holdfast: the router cannot listen on ${formatEndpoint(command.listen)}: ${start.message}\n`)
    return exitCode.startUp
  }
  await new Promise<void>((resolve) => {
    onShutdown(async (signal) => {
      report({ event: 'stopping', message: `${signal}: closing every session` })
      await start.router.stop()
      resolve()
    })
  })
  report({ event: 'stopped', exitCode: exitCode.ok })
  output.close()
  return exitCode.ok
}
