import { explainIo } from './io-error.ts'
import type { FileFault } from './source.ts'

/** What was read last stays in force: an unmounted volume looks just so. */
export function directoryEmpty(file: string): FileFault {
  return {
    code: 'directory-empty',
    file,
    line: undefined,
    column: undefined,
    message: 'the directory has no manifests any more. What was last read from it stays in force',
    remedy: 'If that is meant, put a manifest there that holds only a comment. Otherwise check what is mounted there.',
  }
}

/** `rescanMs`: how often the directory is read instead. */
export function watchFailed(file: string, error: unknown, rescanMs: number): FileFault {
  const { reason } = explainIo(error)
  return {
    code: 'watch-failed',
    file,
    line: undefined,
    column: undefined,
    message: `the directory cannot be watched: ${reason}. It is read every ${rescanMs / 1000} s instead`,
    remedy: 'Raise fs.inotify.max_user_watches and fs.inotify.max_user_instances, then start again.',
  }
}
