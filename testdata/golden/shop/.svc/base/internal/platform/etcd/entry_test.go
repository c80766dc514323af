package etcd_test

import (
	"reflect"
	"testing"

	"github.com/acme/shop/internal/platform/etcd"
)

func TestEntryIsInEtcdsFormat(t *testing.T) {
	entry := etcd.Entry{Addr: "a:1", Metadata: map[string]string{"app": "shop"}}
	if got, want := entry.Encode(), `{"Op":0,"Addr":"a:1","Metadata":{"app":"shop"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, err := etcd.Decode([]byte(entry.Encode())); err != nil || !reflect.DeepEqual(got, entry) {
		t.Errorf("got %v, %v, want %v", got, err, entry)
	}
}

func TestDecode(t *testing.T) {
	tests := map[string]struct {
		addr     string
		metadata map[string]string
	}{
		`{"Addr":"a:1"}`:                                          {"a:1", map[string]string{}},
		`{"Op":0,"Addr":"a:1","Metadata":null}`:                   {"a:1", map[string]string{}},
		`{"Addr":"a:1","Metadata":"text"}`:                        {"a:1", map[string]string{}},
		`{"Addr":"a:1","Metadata":{"weight":3,"zone":"b"},"x":1}`: {"a:1", map[string]string{"zone": "b"}},
		`{"Op":0,"Addr":""}`:                                      {},
		`not JSON`:                                                {},
		``:                                                        {},
	}
	for value, want := range tests {
		got, err := etcd.Decode([]byte(value))
		if (err == nil) != (want.addr != "") || got.Addr != want.addr || !reflect.DeepEqual(got.Metadata, want.metadata) {
			t.Errorf("%s: got %v, %v, want %v", value, got, err, want)
		}
	}
}
