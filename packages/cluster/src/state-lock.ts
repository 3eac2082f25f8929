import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { errorCode, isMissing } from './io-error.ts'

/** Who keeps a state directory. `startTime` tells a process from a later one of the same number. */
export interface LockHolder {
  readonly pid: number
  readonly host: string
  readonly startTime: string
}

export type LockResult =
  | { readonly kind: 'acquired'; readonly release: () => Promise<void> }
  | { readonly kind: 'held'; readonly holder: LockHolder | undefined }

const lockName = 'lock'
const claimName = 'lock.claim'

/**
 * Takes the lock of a directory, also from a process that has ended without releasing it. Rejects with the error of a system
 * call that failed. A holder on another host (a shared file system) counts as alive, because nobody here can tell.
 */
export async function acquireLock(directory: string): Promise<LockResult> {
  const path = join(directory, lockName)
  const own = `${JSON.stringify(await ownIdentity())}\n`
  if (await createExclusively(path, own)) return acquired(path, own)
  const found = await readHolder(path)
  if (found.kind === 'none') return acquireLock(directory)
  if (await isAlive(found.holder)) return { kind: 'held', holder: found.holder }
  return (await takeOver(directory, found.text, own)) ? acquired(path, own) : acquireLock(directory)
}

/**
 * Replaces the lock of a dead process. Two newcomers may have found the same dead holder: only the one with the claim
 * replaces its lock, and only after it has seen that the dead holder still has it.
 */
async function takeOver(directory: string, deadText: string, own: string): Promise<boolean> {
  const path = join(directory, lockName)
  const claim = join(directory, claimName)
  if (!(await createExclusively(claim, own))) {
    const claimant = await readHolder(claim)
    if (claimant.kind === 'found' && !(await isAlive(claimant.holder))) await rm(claim, { force: true })
    return false
  }
  try {
    const now = await readHolder(path)
    if (now.kind === 'found' && now.text !== deadText) return false
    await replace(path, own)
    return true
  } finally {
    await rm(claim, { force: true })
  }
}

function acquired(path: string, own: string): LockResult {
  return {
    kind: 'acquired',
    release: async () => {
      const now = await readHolder(path)
      if (now.kind === 'found' && now.text === own) await rm(path, { force: true })
    },
  }
}

/** A hard link fails where the name exists, and shows the content from its first moment on. */
async function createExclusively(path: string, text: string): Promise<boolean> {
  const temporary = `${path}.${randomUUID()}`
  await writeFile(temporary, text, { mode: 0o600 })
  try {
    await link(temporary, path)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  } finally {
    await rm(temporary, { force: true })
  }
}

async function replace(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}`
  await writeFile(temporary, text, { mode: 0o600 })
  await rename(temporary, path)
}

type Found =
  { readonly kind: 'none' } | { readonly kind: 'found'; readonly text: string; readonly holder: LockHolder | undefined }

async function readHolder(path: string): Promise<Found> {
  try {
    const text = await readFile(path, 'utf8')
    return { kind: 'found', text, holder: parseHolder(text) }
  } catch (error) {
    if (isMissing(error)) return { kind: 'none' }
    throw error
  }
}

function parseHolder(text: string): LockHolder | undefined {
  const match = /^\{"pid":(\d+),"host":"([^"]*)","startTime":"([^"]*)"\}\n$/.exec(text)
  if (match === null) return undefined
  const [, pid = '', host = '', startTime = ''] = match
  return { pid: Number(pid), host, startTime }
}

async function ownIdentity(): Promise<LockHolder> {
  return { pid: process.pid, host: hostname().replaceAll(/["\\]/g, ''), startTime: await startTimeOf(process.pid) }
}

/** A lock that nobody has written whole is nobody's: the system went down before it reached the disk. */
async function isAlive(holder: LockHolder | undefined): Promise<boolean> {
  if (holder === undefined) return false
  const own = await ownIdentity()
  if (holder.host !== own.host) return true
  if (holder.pid !== own.pid && !isRunning(holder.pid)) return false
  return (await startTimeOf(holder.pid)) === holder.startTime
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // EPERM: it runs, as another user.
    return errorCode(error) === 'EPERM'
  }
}

/** Boot and clock ticks since then (proc(5), field 22 of stat); empty where the system has no /proc. */
async function startTimeOf(pid: number): Promise<string> {
  const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')
  const boot = await read('/proc/sys/kernel/random/boot_id')
  const stat = await read(`/proc/${pid}/stat`)
  // The second field is the command in parentheses and may hold anything.
  const startTime =
    stat
      .slice(stat.lastIndexOf(')') + 1)
      .trim()
      .split(' ')[19] ?? ''
  return `${boot.trim()} ${startTime}`.trim()
}
