export { syncDirectory } from './atomic-write.ts'
export type { FileFault, Snapshot, Source } from './source.ts'
export type * from './kubernetes/api.ts'
export type { Credentials, CredentialsFault, CredentialsResult } from './kubernetes/credentials-types.ts'
export { loadCredentials, type CredentialsOptions } from './kubernetes/credentials.ts'
export {
  createHttpApi,
  type HttpApi,
  type HttpApiOptions,
  type HttpLimits,
  type PodLogs,
} from './kubernetes/http-api.ts'
export { createKeeps, createSharing, type FollowedKind, type Keep } from './kubernetes/keep.ts'
export { createKubernetesSource } from './kubernetes/kubernetes-source.ts'
export type {
  Followed,
  FollowedState,
  KubernetesSource,
  KubernetesSourceOptions,
} from './kubernetes/kubernetes-source-types.ts'
export {
  createLeaderElection,
  type Leadership,
  type LeaderElection,
  type LeaderElectionOptions,
  type LeadershipChange,
} from './kubernetes/lease.ts'
export { createReflector } from './kubernetes/reflector.ts'
export { longestWatchMs, type Reflector } from './kubernetes/reflector-types.ts'
export { resourceTypes } from './kubernetes/resource-types.ts'
export {
  createMemoryApi,
  apiFault,
  type Hold,
  type MemoryApi,
  type MemoryApiOptions,
  type MemoryClient,
  type MemoryRequest,
  type RequestMatch,
} from './kubernetes/memory-api.ts'
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
export { createBackOff, type BackOff } from './kubernetes/back-off.ts'
export { createWorkQueue, type WorkOutcome, type WorkQueue, type WorkQueueOptions } from './kubernetes/work-queue.ts'
export { isComparable, isOlder } from './kubernetes/version-order.ts'
