// Beside the index, so that programs of a cluster, which read no manifests, load neither YAML nor what watches directories.
export { parseManifest } from './manifest.ts'
export { createManifestDirectory, ManifestDirectoryError, type ManifestDirectoryOptions } from './manifest-directory.ts'
