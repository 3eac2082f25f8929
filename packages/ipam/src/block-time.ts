/** RFC 3339 in UTC with six digits behind the second: as texts, such times are in the order of time. */
const form = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/

export const isBlockTime = (text: string): boolean => form.test(text) && !Number.isNaN(Date.parse(text))

/** Now, or one microsecond after `time` where that is later. `time` may be empty. */
export function microsecondsAfter(time: string, nowMs: number): string {
  const now = Math.trunc(nowMs) * 1000
  const least = time === '' ? 0 : Date.parse(`${time.slice(0, 23)}Z`) * 1000 + Number(time.slice(23, 26)) + 1
  const micros = Math.max(now, least)
  const text = new Date(Math.floor(micros / 1000)).toISOString()
  return `${text.slice(0, -1)}${String(micros % 1000).padStart(3, '0')}Z`
}
