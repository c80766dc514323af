package engine

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"path/filepath"

	"github.com/svcgen/svc/internal/apply"
	"github.com/svcgen/svc/internal/protoload"
	"github.com/svcgen/svc/internal/tree"
)

// Present is what a project has that an emission builds on. The zero value is that of one that does not exist yet.
type Present struct {
	GoMod, GoSum []byte // nil where there is none

	dir   string
	stubs map[string]madeStub // by path
}

// madeStub is what is remembered, for this machine, of a stub: the digests of what it was written from, and of its content.
type madeStub struct {
	Inputs string `json:"inputs"`
	Sum    string `json:"sha256"`
}

// stubsName keeps what the stubs of a project were written from.
const stubsName = "stubs.json"

// ReadPresent reads what the project in dir has.
func ReadPresent(dir string) (Present, error) {
	now := Present{dir: dir}
	var err error
	if now.GoMod, err = readRegular(filepath.Join(dir, "go.mod")); err != nil {
		return now, ignoreNotExist(err)
	}
	if now.GoSum, err = readRegular(filepath.Join(dir, "go.sum")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return now, err
	}
	if content, err := readRegular(filepath.Join(dir, filepath.FromSlash(path.Join(apply.CacheDir, stubsName)))); err == nil {
		_ = json.Unmarshal(content, &now.stubs) // without it, the stubs are written again
	}
	return now, nil
}

// stub returns the content of a stub that is as it was written, from the same inputs; otherwise nil.
func (now Present) stub(name, inputs string) []byte {
	made, ok := now.stubs[name]
	if !ok || made.Inputs != inputs || tree.CheckPath(name) != nil {
		return nil
	}
	content, err := readRegular(filepath.Join(now.dir, filepath.FromSlash(name)))
	if err != nil || tree.Sum(content) != made.Sum {
		return nil
	}
	return content
}

// rememberStubs keeps what stubs were written from, for the next run.
func rememberStubs(p *apply.Project, stubs []protoload.StubFile) error {
	made := map[string]madeStub{}
	for _, s := range stubs {
		if s.Inputs != "" {
			made[s.Path] = madeStub{s.Inputs, tree.Sum(s.Content)}
		}
	}
	content, err := json.Marshal(made)
	if err != nil {
		return err
	}
	return p.Remember(stubsName, content)
}
