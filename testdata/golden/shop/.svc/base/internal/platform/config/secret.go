package config

// Secret is a value that is never shown.
type Secret string

// String says whether there is a value.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(not shown)"
}

// MarshalText is String for encoders, such as that of the log.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
