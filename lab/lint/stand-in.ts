import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** MetalLB's own definitions; a test that wants them is skipped where they are not. */
export const metallbCrds = join(import.meta.dirname, '..', '..', '..', 'shared', 'metallb-crds')

/** The definition with a conversion webhook, as MetalLB's installations have it. */
const withWebhook = (definition: string): string =>
  definition.replace(
    /^spec:\n(?! *conversion)/m,
    `spec:
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions: [v1beta1, v1beta2]
      clientConfig: { url: 'https://127.0.0.1:9/convert' }
`,
  )

/** MetalLB's CustomResourceDefinitions, by file name. */
const definitions = (): ReadonlyMap<string, string> =>
  new Map(
    readdirSync(metallbCrds)
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => {
        const text = readFileSync(join(metallbCrds, name), 'utf8').replace(/^---\n/, '')
        const isConverted = name.endsWith('bgppeers.yaml') && !text.includes('strategy: Webhook')
        return [name, isConverted ? withWebhook(text) : text]
      }),
  )

const workloads = (prefix: string): string => `
apiVersion: v1
kind: ServiceAccount
metadata: { name: ${prefix}controller, namespace: metallb-system, labels: { app: metallb } }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: ${prefix}speaker, namespace: metallb-system, labels: { app: metallb } }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: metallb-system:${prefix}speaker, labels: { app: metallb } }
rules: [{ apiGroups: [''], resources: [nodes], verbs: [list] }]
---
apiVersion: v1
kind: Service
metadata: { name: metallb-webhook-service, namespace: metallb-system }
spec: { ports: [{ port: 443, targetPort: 9443 }], selector: { component: controller } }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${prefix}controller, namespace: metallb-system, labels: { app: metallb } }
spec:
  selector: { matchLabels: { app: metallb, component: controller } }
  template:
    metadata: { labels: { app: metallb, component: controller } }
    spec:
      serviceAccountName: ${prefix}controller
      containers:
        - name: controller
          image: quay.io/metallb/controller:v0.16.1
          args: [--port=9120, --log-level=info, --webhook-mode=enabled]
          env:
            - { name: METALLB_BGP_TYPE, value: native }
            - { name: METALLB_DEPLOYMENT, value: ${prefix}controller }
---
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: ${prefix}speaker, namespace: metallb-system, labels: { app: metallb } }
spec:
  selector: { matchLabels: { app: metallb, component: speaker } }
  template:
    metadata: { labels: { app: metallb, component: speaker } }
    spec:
      serviceAccountName: ${prefix}speaker
      hostNetwork: true
      containers:
        - name: speaker
          image: quay.io/metallb/speaker:v0.16.1
          args: [--port=9120, --log-level=info]
          env:
            - { name: METALLB_BGP_TYPE, value: native }
            - { name: METALLB_NODE_NAME, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: metallb-webhook-configuration }
webhooks:
  - name: bgppeervalidationwebhook.metallb.io
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: Fail
    clientConfig: { url: 'https://127.0.0.1:9/validate' }
    rules: [{ apiGroups: [metallb.io], apiVersions: [v1beta2], operations: [UPDATE], resources: [bgppeers] }]
`

/**
 * What stands in for MetalLB's chart: its own definitions, switched by `crds.enabled` as there, and two workloads with a webhook that
 * nobody answers. Returns the chart's directory.
 */
export function writeChart(directory: string): string {
  const chart = join(directory, 'metallb')
  mkdirSync(join(chart, 'templates'), { recursive: true })
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: metallb\nversion: 0.16.1\n')
  writeFileSync(join(chart, 'values.yaml'), 'crds: { enabled: true }\n')
  writeFileSync(join(chart, 'templates', 'workloads.yaml'), workloads('metallb-'))
  for (const [name, text] of definitions()) {
    writeFileSync(join(chart, 'templates', name), `{{- if .Values.crds.enabled }}\n${text}\n{{- end }}\n`)
  }
  return chart
}

/** What stands in for MetalLB's manifest. Returns its file. */
export function writeManifest(directory: string): string {
  const file = join(directory, 'metallb-native.yaml')
  writeFileSync(file, [...definitions().values(), workloads('')].join('\n---\n'))
  return file
}
