import { spawn } from 'node:child_process'

/**
 * Runs a script of sh, each command shown before it runs, until one of them fails. Resolves to its standard output; rejects with everything
 * that was said where a command fails.
 */
export function runScript(
  script: string,
  place: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<string> {
  const child = spawn('sh', ['-eux', '-c', script], place)
  const said = { stdout: '', all: '' }
  child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()))
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (said.all += chunk.toString()))
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve(said.stdout) : reject(new Error(`ended with ${code ?? 'a signal'}\n${said.all}`)),
    )
  })
}
