import { execFile } from 'node:child_process'

/** Runs a program to its end and returns what it printed. Any other end than exit code 0 is an error. */
export function run(file: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(file, args, { encoding: 'utf8', timeout: 30_000, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${file} ${args.join(' ')}: ${error.message}\n${stdout}${stderr}`))
    })
  })
}
