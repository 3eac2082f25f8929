import { spawn } from 'node:child_process'
import { cpus } from 'node:os'

/** Twice as many processes as there are processors, each computing without end. Call the result to end them. */
export function loadAllCores(): () => void {
  const children = Array.from({ length: 2 * cpus().length }, () =>
    spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
  )
  const end = (): void => {
    process.off('exit', end)
    for (const child of children) child.kill('SIGKILL')
  }
  process.on('exit', end)
  return end
}
