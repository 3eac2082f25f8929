/** The operating system's code of a failed call, such as ENOENT; empty where it has none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

const words: Readonly<Record<string, { readonly reason: string; readonly remedy: string }>> = {
  EACCES: { reason: 'permission denied', remedy: 'Give the user that Holdfast runs as access to it.' },
  EPERM: { reason: 'operation not permitted', remedy: 'Give the user that Holdfast runs as access to it.' },
  EIO: {
    reason: 'the disk or file system reports an error',
    remedy: 'Check the disk: the system log (dmesg) says more.',
  },
  ELOOP: { reason: 'its symbolic links lead in a circle', remedy: 'Correct the link.' },
  EMFILE: { reason: 'too many open files in this process', remedy: 'Raise the limit (ulimit -n, LimitNOFILE=).' },
  ENFILE: { reason: 'too many open files on this host', remedy: 'Raise fs.file-max, or find who keeps them open.' },
  ENOENT: { reason: 'it does not exist', remedy: 'Create it, or correct the path.' },
  ENOSPC: { reason: 'no space left on the device', remedy: 'Free some space.' },
  ENOTDIR: { reason: 'it is no directory', remedy: 'Give the path of a directory.' },
  EROFS: { reason: 'the file system is read-only', remedy: 'Use a directory on a writable file system.' },
  ESTALE: { reason: 'the network file system lost it', remedy: 'Check the file server and mount it again.' },
}

/** What went wrong with a file, in plain words, and what to do about it. */
export function explainIo(error: unknown): { readonly reason: string; readonly remedy: string } {
  const code = errorCode(error)
  const known = words[code]
  if (known !== undefined) return { ...known, reason: `${known.reason} (${code})` }
  const reason = error instanceof Error ? error.message : String(error)
  return { reason, remedy: 'Check the file system and the permissions of the path.' }
}

/** True where the name itself is gone, as opposed to out of reach. */
export function isMissing(error: unknown): boolean {
  return errorCode(error) === 'ENOENT'
}
