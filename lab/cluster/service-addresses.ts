import type { Json } from '../harness/json.ts'

/** The addresses in the status of a Service, as the API server has it, joined by commas; empty: it has none. */
export const addressesOf = (service: Json): string =>
  service
    .at('status')
    .at('loadBalancer')
    .at('ingress')
    .list()
    .map((one) => one.at('ip').text())
    .join(',')
