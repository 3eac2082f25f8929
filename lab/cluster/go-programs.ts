/** The release of Kubernetes that tests run against. */
export const kubernetesVersion = '1.36.3'
const helmVersion = '3.19.5'

/** How a program is made from a Go module that the module proxy has. */
interface Recipe {
  readonly module: string
  /** Of the module, with the `v`. */
  readonly version: string
  readonly package: string
  /** Below the cache: one for each version, so that another version never meets old programs. */
  readonly folder: string
  /** Go variables that the release's own build sets. */
  readonly variables: Readonly<Record<string, string>>
}

export type GoProgram = 'kube-apiserver' | 'kubectl' | 'kube-proxy' | 'helm'

const [major, minor] = kubernetesVersion.split('.')

const kubernetes = (program: string): Recipe => ({
  module: 'k8s.io/kubernetes',
  version: `v${kubernetesVersion}`,
  package: `k8s.io/kubernetes/cmd/${program}`,
  folder: `kubernetes-${kubernetesVersion}`,
  variables: {
    // Without them the programs take themselves for version 0.0, which clients and feature gates notice.
    'k8s.io/component-base/version.gitVersion': `v${kubernetesVersion}`,
    'k8s.io/component-base/version.gitMajor': major ?? '',
    'k8s.io/component-base/version.gitMinor': minor ?? '',
    'k8s.io/component-base/version.gitTreeState': 'clean',
  },
})

export const goPrograms: Readonly<Record<GoProgram, Recipe>> = {
  'kube-apiserver': kubernetes('kube-apiserver'),
  kubectl: kubernetes('kubectl'),
  'kube-proxy': kubernetes('kube-proxy'),
  helm: {
    module: 'helm.sh/helm/v3',
    version: `v${helmVersion}`,
    package: 'helm.sh/helm/v3/cmd/helm',
    folder: `helm-${helmVersion}`,
    variables: {
      'helm.sh/helm/v3/internal/version.version': `v${helmVersion}`,
      // What it takes a cluster for that it does not ask.
      'helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor': major ?? '',
      'helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor': minor ?? '',
    },
  },
}

export const isGoProgram = (name: string): name is GoProgram => Object.hasOwn(goPrograms, name)
