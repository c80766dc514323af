package manifest

import _ "embed"

// Schema is the JSON Schema (draft 2020-12) of svc.yaml.
//
//go:embed schema.json
var Schema []byte
