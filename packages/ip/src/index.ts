export type { Address, Family, Fault, Ipv4Address, Ipv6Address, Parsed } from './address.ts'
export {
  addressFromBigInt,
  addressFromBytes,
  addressKey,
  addressToBigInt,
  addressToBytes,
  bitsOf,
  compareAddresses,
  equalAddresses,
  formatAddress,
  ipv4,
  ipv6,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isUnspecified,
  parseAddress,
  unmapped,
} from './address.ts'
export type { Prefix } from './prefix.ts'
export {
  comparePrefixes,
  equalPrefixes,
  formatPrefix,
  hostPrefix,
  maskAddress,
  parsePrefix,
  prefixContains,
  prefixKey,
  prefixToRange,
} from './prefix.ts'
export type { Range } from './range.ts'
export {
  addressAt,
  equalRanges,
  formatRange,
  offsetOf,
  parseRange,
  rangeContains,
  rangesContain,
  rangeSize,
  rangesOverlap,
  rangeToPrefixes,
} from './range.ts'
