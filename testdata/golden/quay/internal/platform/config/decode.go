package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/v2"
)

// decode puts values over what config holds. A key that config doesn't have is an error.
func decode(values *koanf.Koanf, config *Config) error {
	var seen mapstructure.Metadata
	decoder := mapstructure.DecoderConfig{
		Metadata:         &seen,
		WeaklyTypedInput: true, // numbers and switches arrive as text from variables and flags
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			decodeDuration, decodeList, decodePairs, mapstructure.TextUnmarshallerHookFunc()),
	}
	if err := values.UnmarshalWithConf("", config, koanf.UnmarshalConf{DecoderConfig: &decoder}); err != nil {
		if bare := errors.Unwrap(err); bare != nil {
			return bare // without a headline of mapstructure's
		}
		return err
	}
	if len(seen.Unused) > 0 {
		slices.Sort(seen.Unused)
		return fmt.Errorf("unknown key %s (see --help)", strings.Join(seen.Unused, ", "))
	}
	return nil
}

// decodeDuration reads 1m30s. A bare number is refused: nobody means nanoseconds.
func decodeDuration(_, to reflect.Type, value any) (any, error) {
	if to != reflect.TypeFor[time.Duration]() {
		return value, nil
	}
	if d, ok := value.(time.Duration); ok {
		return d, nil
	}
	d, err := time.ParseDuration(fmt.Sprint(value))
	if err != nil {
		return nil, fmt.Errorf("must be a number with a unit such as 10s, got %q", fmt.Sprint(value))
	}
	return d, nil
}

// decodeList reads a,b from a variable or flag.
func decodeList(_, to reflect.Type, value any) (any, error) {
	text, ok := value.(string)
	if !ok || to != reflect.TypeFor[[]string]() {
		return value, nil
	}
	return split(text), nil
}

// decodePairs reads a=1,b=2 from a variable or flag.
func decodePairs(_, to reflect.Type, value any) (any, error) {
	text, ok := value.(string)
	if !ok || to != reflect.TypeFor[map[string]string]() {
		return value, nil
	}
	decoded := map[string]any{}
	for _, pair := range split(text) {
		k, v, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fmt.Errorf("must be name=value,..., got %q", pair)
		}
		decoded[k] = v
	}
	return decoded, nil
}

func split(text string) []string {
	parts := []string{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// pairs is the way back from decodePairs.
func pairs(values map[string]string) string {
	parts := make([]string, 0, len(values))
	for _, k := range slices.Sorted(maps.Keys(values)) {
		parts = append(parts, k+"="+values[k])
	}
	return strings.Join(parts, ",")
}
