import { spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Json } from '../harness/json.ts'
import type { GoProgram } from './go-programs.ts'
import { goPrograms } from './go-programs.ts'

export interface Build {
  /** The go program. */
  readonly go: string
  /** The folder below which each version has its own. */
  readonly cache: string
  readonly programs: readonly GoProgram[]
}

/**
 * Builds programs into the cache, under a lock that other processes wait for: what they built meanwhile is not built again.
 * A program is in the cache whole or not at all. Progress goes to stderr.
 */
export async function buildPrograms({ go, cache, programs }: Build): Promise<void> {
  const byFolder = Map.groupBy(programs, (program) => goPrograms[program].folder)
  for (const [folder, members] of byFolder) {
    const target = join(cache, folder)
    mkdirSync(target, { recursive: true })
    await withLock(join(target, '.lock'), async () => {
      removeLeftovers(target)
      const missing = members.filter((program) => !existsSync(join(target, program)))
      if (missing.length > 0) await buildInto(target, go, missing)
    })
  }
}

/** All of `programs` come from one module. */
async function buildInto(target: string, go: string, programs: readonly GoProgram[]): Promise<void> {
  const [first] = programs
  if (first === undefined) return
  const recipe = goPrograms[first]
  const start = performance.now()
  say(`building ${programs.join(', ')} ${recipe.version} into ${target} (minutes, once) …`)
  const work = mkdtempSync(join(target, leftoverPrefix))
  try {
    writeFileSync(join(work, 'go.mod'), await goMod(go, work, recipe))
    say('compiling …')
    const variables = Object.entries(recipe.variables).map(([name, value]) => `-X ${name}=${value}`)
    const flags = ['-mod=mod', '-trimpath', '-buildvcs=false', '-ldflags', ['-s -w', ...variables].join(' ')]
    const packages = programs.map((program) => goPrograms[program].package)
    await runGo(go, work, ['build', ...flags, '-o', join(work, 'bin/'), ...packages])
    for (const program of programs) renameSync(join(work, 'bin', program), join(target, program))
    say(`built in ${((performance.now() - start) / 1000).toFixed(0)} s`)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/**
 * The go.mod of a module that is nothing but the wish for another. Kubernetes publishes the modules of its staging folder
 * under versions of their own (v1.36.3 goes with v0.36.3), and its own go.mod names them with a path or without a version.
 */
async function goMod(go: string, work: string, { module, version }: (typeof goPrograms)[GoProgram]): Promise<string> {
  writeFileSync(join(work, 'go.mod'), 'module holdfast.dev/lab\n')
  say(`downloading ${module} ${version} …`)
  const downloaded = parseGo(await runGo(go, work, ['mod', 'download', '-json', `${module}@${version}`]))
  const theirs = parseGo(await runGo(go, work, ['mod', 'edit', '-json', downloaded.at('GoMod').text()]))
  const lines = stagingModules(theirs).map((path) => `replace ${path} => ${path} ${version.replace(/^v\d+/, 'v0')}`)
  return ['module holdfast.dev/lab', `go ${theirs.at('Go').text()}`, `require ${module} ${version}`, ...lines, ''].join(
    '\n',
  )
}

function stagingModules(theirs: Json): readonly string[] {
  const unpublished = theirs
    .at('Require')
    .list()
    .filter((one) => one.at('Version').text() === 'v0.0.0')
  const replaced = theirs
    .at('Replace')
    .list()
    .filter((one) => one.at('New').at('Path').text().startsWith('./staging/'))
  const paths = [
    ...unpublished.map((one) => one.at('Path').text()),
    ...replaced.map((one) => one.at('Old').at('Path').text()),
  ]
  return [...new Set(paths)].sort()
}

/** Go prints null for a list that is not there. */
const parseGo = (text: string): Json => new Json(JSON.parse(text, (_, value: unknown) => value ?? undefined))

function runGo(go: string, directory: string, args: readonly string[]): Promise<string> {
  const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '' }
  const child = spawn(go, args, { cwd: directory, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const complaints: string[] = []
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  createInterface({ input: child.stderr }).on('line', (line) => {
    // One for each of some two hundred modules.
    if (!line.startsWith('go: downloading')) complaints.push(line)
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(output)
      else
        reject(new Error(`go ${args[0] ?? ''} ended with ${code ?? 'a signal'}\n${complaints.join('\n')}\n${output}`))
    })
  })
}

const leftoverPrefix = '.build-'

/** Of builds that were killed: whoever has the lock is the only one who builds. */
function removeLeftovers(target: string): void {
  const names = readdirSync(target).filter((name) => name.startsWith(leftoverPrefix))
  for (const name of names) rmSync(join(target, name), { recursive: true, force: true })
}

/**
 * flock(2) belongs to the open file, which the flock program shares with us: the lock is ours when that program has ended, and
 * is free again when this process ends in whatever way.
 */
async function withLock(file: string, work: () => Promise<void>): Promise<void> {
  const descriptor = openSync(file, 'a')
  try {
    if (!(await flock(descriptor, '--nonblock'))) {
      say(`another process builds into the same cache; waiting for ${file} …`)
      if (!(await flock(descriptor, '--exclusive'))) throw new Error(`cannot lock ${file}`)
    }
    await work()
  } finally {
    closeSync(descriptor)
  }
}

function flock(descriptor: number, option: string): Promise<boolean> {
  const child = spawn('flock', [option, '3'], { stdio: ['ignore', 'ignore', 'inherit', descriptor] })
  return new Promise((resolve, reject) => {
    child.on('error', (cause) => reject(new Error('flock did not start (package util-linux)', { cause })))
    child.on('exit', (code) => resolve(code === 0))
  })
}

const say = (text: string): void => void process.stderr.write(`holdfast lab: ${text}\n`)
