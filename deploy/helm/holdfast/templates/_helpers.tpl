{{- define "holdfast.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "holdfast.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "holdfast.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "holdfast.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "holdfast.selectorLabels" -}}
app.kubernetes.io/name: {{ include "holdfast.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "holdfast.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "holdfast.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* Of (dict "root" $ "component" "speaker"). */}}
{{- define "holdfast.serviceAccountName" -}}
{{- $account := (index .root.Values .component).serviceAccount -}}
{{- if $account.create -}}
{{- default (printf "%s-%s" (include "holdfast.fullname" .root) .component) $account.name -}}
{{- else -}}
{{- default "default" $account.name -}}
{{- end -}}
{{- end -}}

{{/* Whether controller.image or speaker.image names an image of ours: a values file of MetalLB's names MetalLB's, which must not run here. */}}
{{- define "holdfast.hasOwnImage" -}}
{{- $repository := (index .root.Values .component).image.repository | default "" -}}
{{- if and $repository (not (regexMatch "(^|/)metallb(/|-)(controller|speaker)$" $repository)) }}true{{ end -}}
{{- end -}}

{{- define "holdfast.image" -}}
{{- $own := (index .root.Values .component).image -}}
{{- $image := ternary $own .root.Values.image (eq "true" (include "holdfast.hasOwnImage" .)) -}}
{{- $tag := $image.tag | default .root.Chart.AppVersion -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository $tag -}}
{{- end -}}
{{- end -}}

{{- define "holdfast.pullPolicy" -}}
{{- (index .root.Values .component).image.pullPolicy | default .root.Values.image.pullPolicy | default "" -}}
{{- end -}}

{{/* The Secret of the metrics' certificate; MetalLB's chart had these names below prometheus once. */}}
{{- define "holdfast.metricsSecret" -}}
{{- $name := printf "%sMetricsTLSSecret" .component -}}
{{- index .root.Values.tls $name | default (index .root.Values.prometheus $name) | default "" -}}
{{- end -}}

{{/* Options that both programs take. */}}
{{- define "holdfast.commonArgs" -}}
{{- $values := .root.Values -}}
{{- $own := index $values .component -}}
- --port={{ $values.prometheus.metricsPort }}
- --health-probe-port={{ $values.healthProbePort }}
- --log-level={{ $own.logLevel | default "info" }}
{{- with $values.loadBalancerClass }}
- --lb-class={{ . }}
{{- end }}
{{- with $own.tlsMinVersion | default $values.tls.minVersion }}
- --tls-min-version={{ . }}
{{- end }}
{{- with $own.tlsCipherSuites | default $values.tls.cipherSuites }}
- --tls-cipher-suites={{ . }}
{{- end }}
{{- with $own.tlsCurvePreferences | default $values.tls.curvePreferences }}
- --tls-curve-preferences={{ . }}
{{- end }}
{{- if include "holdfast.metricsSecret" . }}
- --metrics-cert-dir=/etc/holdfast/metrics
{{- end }}
{{- end -}}

{{- define "holdfast.commonEnvironment" -}}
- name: METALLB_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: METALLB_POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- end -}}

{{/* Of (dict "root" $ "component" "speaker" "host" "127.0.0.1"). */}}
{{- define "holdfast.probes" -}}
{{- $own := index .root.Values .component -}}
{{- $port := .root.Values.healthProbePort -}}
{{- $host := .host -}}
{{- if $port -}}
{{- range $kind, $path := dict "livenessProbe" "/livez" "readinessProbe" "/readyz" "startupProbe" "/livez" }}
{{- $probe := index $own $kind | default dict }}
{{- if $probe.enabled }}
{{ $kind }}:
  httpGet:
    {{- with $host }}
    host: {{ . }}
    {{- end }}
    path: {{ $path }}
    port: {{ $port }}
  {{- toYaml (omit $probe "enabled") | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "holdfast.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- with .capabilities }}
  add:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end -}}

{{- define "holdfast.podSecurity" -}}
{{- toYaml (merge (dict) (. | default dict) (dict "seccompProfile" (dict "type" "RuntimeDefault"))) -}}
{{- end -}}

{{/* Values that a file for MetalLB's chart may set and that have no effect here, one a line. */}}
{{- define "holdfast.ignoredValues" -}}
{{- $values := .Values -}}
{{- range $key := list "frrk8s" "frr-k8s" "configInline" "existingConfigMap" "psp" "validationFailurePolicy" -}}
{{- if hasKey $values $key }}{{ $key }}
{{ end -}}
{{- end -}}
{{- if hasKey $values.crds "validationFailurePolicy" }}crds.validationFailurePolicy
{{ end -}}
{{- range $key := list "rbacProxy" "secureMetricsPort" -}}
{{- if hasKey $values.prometheus $key }}prometheus.{{ $key }}
{{ end -}}
{{- end -}}
{{- range $key := list "webhookMode" "command" "webhook" -}}
{{- if hasKey $values.controller $key }}controller.{{ $key }}
{{ end -}}
{{- end -}}
{{- range $key := list "memberlist" "excludeInterfaces" "bgpDebounceTimeout" "frr" "reloader" "frrMetrics" "initContainers" "secretName" "command" "secretKey" -}}
{{- if hasKey $values.speaker $key }}speaker.{{ $key }}
{{ end -}}
{{- end -}}
{{- range $component := list "controller" "speaker" -}}
{{- $image := (index $values $component).image -}}
{{- if and (or $image.repository $image.tag) (ne "true" (include "holdfast.hasOwnImage" (dict "root" $ "component" $component))) }}{{ $component }}.image (MetalLB's; set image.repository and image.tag instead)
{{ end -}}
{{- end -}}
{{- end -}}

{{/* Names of definitions in the cluster that belong to somebody else, one a line. */}}
{{- define "holdfast.foreignDefinitions" -}}
{{- range $path, $_ := .Files.Glob "files/crds/*.yaml" -}}
{{- $name := ($.Files.Get $path | fromYaml).metadata.name -}}
{{- $live := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" $name -}}
{{- if $live -}}
{{- $annotations := $live.metadata.annotations | default dict -}}
{{- $isOurs := and (eq (index $annotations "meta.helm.sh/release-name" | default "") $.Release.Name) (eq (index $annotations "meta.helm.sh/release-namespace" | default "") $.Release.Namespace) -}}
{{- if not $isOurs }}{{ $name }}
{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What PodMonitor and ServiceMonitor say alike of a target. */}}
{{- define "holdfast.scrape" -}}
scheme: https
honorLabels: true
{{- with .tlsConfig }}
tlsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .monitor.interval }}
interval: {{ . }}
{{- end }}
{{- with .monitor.metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .monitor.relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* BGPPeers that hold a password themselves, a line for each, where Kubernetes' role view shows it. */}}
{{- define "holdfast.shownPasswords" -}}
{{- if and .Values.rbac.create .Values.rbac.aggregateClusterRoles (.Capabilities.APIVersions.Has "metallb.io/v1beta2/BGPPeer") -}}
{{- range (lookup "metallb.io/v1beta2" "BGPPeer" .Release.Namespace "").items }}
{{- if .spec.password }}
{{ .metadata.name }}
{{- end }}
{{- end }}
{{- end -}}
{{- end -}}
