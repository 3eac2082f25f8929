export type { Alarm, Clock } from './clock.ts'
export { onShutdown, type ShutdownHook, type ShutdownSignal } from './shutdown.ts'
export { systemClock } from './system-clock.ts'
export { createVirtualClock, type VirtualClock } from './virtual-clock.ts'
