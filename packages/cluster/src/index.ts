export type { FileFault, Snapshot, Source } from './source.ts'
export { parseManifest } from './manifest.ts'
export { createManifestDirectory, ManifestDirectoryError, type ManifestDirectoryOptions } from './manifest-directory.ts'
export { createMemorySource, type MemorySource } from './memory-source.ts'
export {
  createStateDirectory,
  type StateDirectory,
  type StateOpening,
  type StateRead,
  type StateWrite,
} from './state-directory.ts'
export type { LockHolder } from './state-lock.ts'
export type { YamlFailure, YamlSync } from './yaml-files.ts'
