{{/* The chart's name, or what nameOverride says. */}}
{{- define "routes.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/*
The name of everything the release owns: the release's, with the chart's unless it is part of it.
54 characters leave room for the suffixes (-headless, -metrics) within the 63 of a DNS label.
*/}}
{{- define "routes.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 54 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 54 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 54 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* What selects the app's pods. Immutable in a Deployment: add nothing here. */}}
{{- define "routes.selectorLabels" -}}
app.kubernetes.io/name: {{ include "routes.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "routes.labels" -}}
{{ include "routes.selectorLabels" . }}
app.kubernetes.io/version: {{ include "routes.versionLabel" . }}
app.kubernetes.io/part-of: depot
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "routes.version" -}}
{{- default .Chart.AppVersion .Values.image.tag }}
{{- end }}

{{- define "routes.versionLabel" -}}
{{- include "routes.label" (include "routes.version" .) }}
{{- end }}

{{/* A label's value has up to 63 characters, and ends in a letter or digit. */}}
{{- define "routes.label" -}}
{{- regexReplaceAll "[^A-Za-z0-9]+$" (. | trunc 63) "" | quote }}
{{- end }}

{{/* repository:tag, or repository@digest, which says exactly which image runs. */}}
{{- define "routes.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (include "routes.version" .) }}
{{- end }}
{{- end }}

{{- define "routes.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "routes.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* The fewest pods that run: what a disruption budget has to be judged by. */}}
{{- define "routes.minReplicas" -}}
{{- ternary .Values.autoscaling.minReplicas .Values.replicaCount .Values.autoscaling.enabled | int }}
{{- end }}

{{/* From the first step of a pod's end to the last: what happens before SIGTERM, after it, and 10 s for the registry, telemetry and luck. */}}
{{- define "routes.gracePeriodSeconds" -}}
{{- with .Values.shutdown }}
{{- add .preStopSeconds .drainSeconds .timeoutSeconds 10 }}
{{- end }}
{{- end }}
