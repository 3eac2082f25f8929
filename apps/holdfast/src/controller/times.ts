/** RFC 3339 in whole seconds, as metav1.Time has it. */
export const wholeSeconds = (nowMs: number): string => new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z')
