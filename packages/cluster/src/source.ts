import type { RawObject } from '@holdfast/model'

/** A file that cannot be read as YAML, or a document that is no Kubernetes object. */
export interface FileFault {
  readonly code: string
  readonly file: string
  readonly line: number | undefined
  readonly column: number | undefined
  readonly message: string
  readonly remedy: string
}

/** All objects of a source at one moment. An object that did not change keeps its identity from one to the next. */
export interface Snapshot {
  readonly objects: readonly RawObject[]
  /** Every fault that stands at this moment, not only new ones. Objects of a broken file are its last good ones. */
  readonly faults: readonly FileFault[]
  /**
   * In the first snapshot of a source that remembers: the objects that were good in an earlier run, of files that are
   * still there. What is not valid now falls back on them.
   */
  readonly lastGood?: readonly RawObject[]
  /**
   * Kinds of which, since the snapshot before, a list replaced what was known. A list can be wrong or empty by a fault of the
   * server's, where a watch tells of one object at a time: what it would take away deserves doubt. undefined: no lists.
   */
  readonly relisted?: ReadonlySet<string>
}

/** Where resources come from. `start` delivers the first complete snapshot before it resolves, then every change. */
export interface Source {
  readonly start: (changed: (snapshot: Snapshot) => void) => Promise<void>
  readonly stop: () => Promise<void>
  /**
   * Judges a snapshot that the source delivered: what these files say is not valid (`FileFault`s need not be among them).
   * The texts of all others are good, and a source that remembers keeps them for its next start.
   */
  readonly judge: (snapshot: Snapshot, faultyFiles: ReadonlySet<string>) => void
}
