import { z } from 'zod'
import { problem } from '../rules.ts'
import { orEmpty, withRule } from './rule.ts'
import { labelSelectors } from './selector.ts'
import { uniqueTexts } from './text.ts'

/** metallb.io/v1beta1 BGPAdvertisement, spec. Communities stay texts until every Community object is known. */
export const advertisementSpec = withRule(
  z.strictObject({
    aggregationLength: z.int().min(1).max(32).default(32),
    aggregationLengthV6: z.int().min(0).max(128).default(128),
    localPref: z.int().min(0).max(0xffffffff).optional(),
    communities: orEmpty(uniqueTexts('communities')),
    ipAddressPools: orEmpty(uniqueTexts('ipAddressPools')),
    ipAddressPoolSelectors: labelSelectors('ipAddressPoolSelectors'),
    nodeSelectors: labelSelectors('nodeSelectors'),
    peers: orEmpty(uniqueTexts('peers')),
    serviceSelectors: labelSelectors('serviceSelectors'),
  }),
  ({ sound: spec }, report) => {
    if (spec.serviceSelectors === undefined || spec.serviceSelectors.length === 0) return
    for (const [field, length] of [
      ['aggregationLength', 32],
      ['aggregationLengthV6', 128],
    ] as const) {
      if ((spec[field] ?? length) === length) continue
      report([field], problem('aggregation-with-service-selectors', { field, length }))
    }
  },
)
