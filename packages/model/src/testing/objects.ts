import type { RawObject } from '../types.ts'
import { object } from './manifests.ts'

type Spec = Readonly<Record<string, unknown>>

/** Raw metallb.io objects in one namespace, for tests that need many of them. */
const metallb =
  (kind: string, version: string) =>
  (name: string, spec: Spec, metadata: Spec = {}): RawObject =>
    object({
      apiVersion: `metallb.io/${version}`,
      kind,
      metadata: { name, namespace: 'metallb-system', ...metadata },
      spec,
    })

export const pool = metallb('IPAddressPool', 'v1beta1')
export const advertisement = metallb('BGPAdvertisement', 'v1beta1')
export const bfdProfile = metallb('BFDProfile', 'v1beta1')
export const community = metallb('Community', 'v1beta1')
export const rawPeer = metallb('BGPPeer', 'v1beta2')
export const peerV1beta1 = metallb('BGPPeer', 'v1beta1')

/** A valid BGPPeer with some fields changed. */
export const peer = (name: string, spec: Spec = {}, metadata: Spec = {}): RawObject =>
  rawPeer(name, { myASN: 64512, peerASN: 64500, peerAddress: '192.0.2.254', ...spec }, metadata)

export const node = (name: string, labels: Readonly<Record<string, string>> = {}): RawObject =>
  object({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels } })

export const namespace = (name: string, labels: Readonly<Record<string, string>> = {}): RawObject =>
  object({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })

export const service = (name: string, spec: Spec = {}, metadata: Spec = {}): RawObject =>
  object({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop', ...metadata }, spec })

/** A holdfast.dev PeerPolicy. */
export const policy = (name: string, spec: Spec = {}, metadata: Spec = {}): RawObject =>
  object({
    apiVersion: 'holdfast.dev/v1alpha1',
    kind: 'PeerPolicy',
    metadata: { name, namespace: 'metallb-system', ...metadata },
    spec,
  })

/** A Secret that holds a BGP password. */
export const secret = (name: string, password: string, more: Spec = {}): RawObject =>
  object({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'metallb-system' },
    type: 'kubernetes.io/basic-auth',
    stringData: { password },
    ...more,
  })
