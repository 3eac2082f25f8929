/** What every speaker announces: `count` host routes from 100.64.0.0 on (RFC 6598), all with the same attributes. */
export const plan = {
  speakerAsn: 64500,
  speakerAddress: '127.0.0.1',
  collectorAsn: 64512,
  collectorAddress: '127.0.0.2',
  /** 100.64.0.0 as a number. */
  firstAddress: 0x64400000,
  communityHigh: 64500,
  communityLow: 100,
} as const

/** The address of the route with this index, in text. */
export function addressOf(index: number): string {
  const value = plan.firstAddress + index
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join('.')
}
