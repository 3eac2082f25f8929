import { request } from 'node:http'

export type Asked =
  | { readonly kind: 'answered'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly message: string; readonly remedy: string }

/** Asks the process behind a socket; never rejects. */
export function ask(socketPath: string, path: string): Promise<Asked> {
  return new Promise((resolve) => {
    const asking = request({ socketPath, path, timeout: 5000 }, (response) => {
      const parts: string[] = []
      response.setEncoding('utf8')
      response.on('data', (part: string) => parts.push(part))
      response.once('error', (error) => resolve(failed(socketPath, error)))
      response.once('end', () => resolve(read(socketPath, response.statusCode, parts.join(''))))
    })
    asking.once('timeout', () => asking.destroy(new Error('no answer within 5 s')))
    asking.once('error', (error) => resolve(failed(socketPath, error)))
    asking.end()
  })
}

function read(socketPath: string, status: number | undefined, text: string): Asked {
  try {
    const value: unknown = JSON.parse(text)
    if (status === 200) return { kind: 'answered', value }
    return failed(socketPath, new Error(`it answers with status ${status ?? 0}: ${text.trim()}`))
  } catch (error) {
    return failed(socketPath, error instanceof Error ? error : new Error(String(error)))
  }
}

function failed(socketPath: string, error: Error): Asked {
  const code = 'code' in error ? error.code : undefined
  const isAbsent = code === 'ENOENT' || code === 'ECONNREFUSED'
  return {
    kind: 'failed',
    message: isAbsent ? `nothing answers at ${socketPath}` : `cannot ask ${socketPath}: ${error.message}`,
    remedy: isAbsent
      ? 'Is holdfast running on this host, for this user? It tells its socket at the start; name it with --socket.'
      : 'Run the command as the user that holdfast runs as, or name its socket with --socket.',
  }
}
