import { randomUUID } from 'node:crypto'
import { onShutdown, systemClock } from '@holdfast/runtime'
import { exitCode } from '../exit-codes.ts'
import type { ControllerCommand } from '../kubernetes/command.ts'
import { connectToCluster } from '../kubernetes/connect.ts'
import { growHeapSlowly } from '../kubernetes/heap-growth.ts'
import { createLog } from '../kubernetes/log.ts'
import { serve } from '../kubernetes/serve.ts'
import { collectGarbage, processUsage, spareMemory } from '../kubernetes/spare-memory.ts'
import { StartUpError } from '../start-up-error.ts'
import { version } from '../version.ts'
import { createController } from './controller.ts'
import { servedByController } from './served.ts'

/** To the API server, and to those who read metrics. */
const programName = 'holdfast-controller'

/** `holdfast controller`: runs until a signal asks it to end; returns the exit code. */
export async function runController(command: ControllerCommand): Promise<number> {
  const now = (): string => new Date().toISOString()
  const log = createLog({ level: command.logLevel, write: (line) => process.stdout.write(line), now })
  try {
    return await runUntilSignal(command, log)
  } catch (error) {
    if (!(error instanceof StartUpError)) throw error
    log.log('error', 'startUp', `${error.message}. ${error.remedy}`)
    process.stderr.write(`holdfast: ${error.message}\n  ${error.remedy}\n`)
    return exitCode.startUp
  }
}

async function runUntilSignal(command: ControllerCommand, log: ReturnType<typeof createLog>): Promise<number> {
  growHeapSlowly()
  const clock = systemClock()
  const { namespace } = command
  // A container that is started again in the same pod is another holder of the lease than the one before.
  const identity = `${command.identity}_${randomUUID().slice(0, 8)}`
  log.log('info', 'started', `holdfast controller ${version}`, { version, pid: process.pid, identity, namespace })
  for (const warning of command.warnings) log.log('warn', 'option', warning)
  const { api, origin, warnings } = await connectToCluster({
    ...command,
    clock,
    program: programName,
    onWarning: (text) => log.log('warn', 'apiWarning', text),
  })
  for (const warning of warnings) log.log('warn', 'credentials', warning)
  log.log('info', 'credentials', `the API server is reached by ${origin}`)
  const nowMs = (): number => Date.now()
  const controller = createController({
    api,
    clock,
    nowMs,
    random: Math.random,
    log,
    command: { ...command, identity },
  })
  const http = await serve(
    { command: command.http, api, clock, log, program: programName },
    servedByController(controller),
  )
  const ended = new Promise<void>((resolve) => {
    onShutdown(async (signal) => {
      log.event({ event: 'stopping', message: `${signal}: the writes under way end, and the lease is given back` })
      await controller.stop()
      resolve()
    })
  })
  controller.start()
  const stopSparing = spareMemory({ clock, usage: processUsage, collect: collectGarbage })
  await ended
  stopSparing()
  await http.close()
  api.close()
  log.event({ event: 'stopped', exitCode: exitCode.ok })
  return exitCode.ok
}
