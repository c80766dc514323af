package etcd

import (
	"encoding/json"
	"errors"
)

// Entry is one instance of one service, in the format of etcd's own package for gRPC,
// go.etcd.io/etcd/client/v3/naming/endpoints: other programs' clients find this app, and this app finds theirs. Its key
// is <namespace>/<service>/<id>.
type Entry struct {
	Addr     string // host:port
	Metadata map[string]string
}

// InstanceID is the metadata that tells apart two processes that others reach at one address.
const InstanceID = "instance"

// Prefix is what the keys of a service start with. It ends with a slash, because service a is not service a-b.
func Prefix(namespace, service string) string { return namespace + "/" + service + "/" }

// Encode returns the value of the entry's key.
func (e Entry) Encode() string {
	value, _ := json.Marshal(struct {
		Op       int // 0 is "add", the only one in use
		Addr     string
		Metadata map[string]string
	}{Addr: e.Addr, Metadata: e.Metadata}) // of text alone, which has no errors
	return string(value)
}

var errNoAddr = errors.New("it has no address")

// Decode reads a value that any program may have written. Metadata that is not text is left out.
func Decode(value []byte) (Entry, error) {
	var read struct {
		Addr     string
		Metadata any
	}
	if err := json.Unmarshal(value, &read); err != nil {
		return Entry{}, err
	}
	if read.Addr == "" {
		return Entry{}, errNoAddr
	}
	entry := Entry{Addr: read.Addr, Metadata: map[string]string{}}
	all, _ := read.Metadata.(map[string]any)
	for key, value := range all {
		if text, ok := value.(string); ok {
			entry.Metadata[key] = text
		}
	}
	return entry, nil
}
