import { readdirSync, readFileSync } from 'node:fs'

export interface Memory {
  readonly residentMiB: number
  readonly peakResidentMiB: number
}

/** Processor time that the process's threads have used so far, from the scheduler's own nanosecond counters. */
export function cpuSeconds(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`)
  const schedstats = tasks.map((task) => readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8'))
  const nanoseconds = schedstats.map((text) => Number(text.split(' ')[0]))
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e9
}

/** VmRSS and VmHWM of proc(5) status. */
export function memory(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const mebibytes = (field: string): number => Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024
  return { residentMiB: mebibytes('VmRSS'), peakResidentMiB: mebibytes('VmHWM') }
}

/** True where a TCP socket of this machine listens on the port, so that nobody has to connect to find out. */
export function isListening(port: number): boolean {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return ['/proc/net/tcp', '/proc/net/tcp6'].some((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .some(([, local = '', , state]) => state === '0A' && local.endsWith(wanted)),
  )
}
