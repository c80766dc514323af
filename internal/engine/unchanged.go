package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/svcgen/svc/internal/apply"
	"github.com/svcgen/svc/internal/lock"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/protoload"
	"github.com/svcgen/svc/internal/tree"
)

// inputsName keeps, for this machine, the digest of all that the last generation depended on and left.
const inputsName = "inputs"

// unchanged reports whether the last generation had the same inputs and left nothing to say, and the files that
// svc owns, and its bases, are as it wrote them. Then there is nothing to do, whatever the user did to the other files.
func unchanged(dir, inputs string) bool {
	recorded, err := readRegular(filepath.Join(dir, apply.CacheDir, inputsName))
	if err != nil {
		return false
	}
	state, err := stateDigest(dir, inputs)
	return err == nil && state == strings.TrimSpace(string(recorded)) && intact(dir)
}

// remember records the inputs of a run after which another would do nothing and report nothing. inputs is their digest
// from before the run: what was changed while it went on is for the next.
func remember(p *apply.Project, dir, inputs string, r *Result) error {
	if !r.Plan.Settled() || len(r.Warnings) > 0 {
		return p.Remember(inputsName, nil)
	}
	state, err := stateDigest(dir, inputs)
	if err != nil {
		return err
	}
	return p.Remember(inputsName, []byte(state+"\n"))
}

// inputsDigest covers this svc, the manifest, which is in content, and the contract.
func inputsDigest(dir string, m *manifest.Manifest, content []byte) (string, error) {
	h := sha256.New()
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	info, err := os.Stat(exe)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(h, "%s %d %d\n", exe, info.Size(), info.ModTime().UnixNano())
	fmt.Fprintf(h, "%d\n%s\n", len(content), content)
	var names []string
	if m.Proto.DescriptorSet != "" {
		names = append(names, m.Proto.DescriptorSet)
	}
	for _, root := range m.Proto.Roots {
		sources, err := protoload.Files(filepath.Join(dir, filepath.FromSlash(root)))
		if err != nil {
			return "", err
		}
		for _, s := range sources {
			names = append(names, path.Join(root, s))
		}
	}
	return hashFiles(h, dir, names)
}

// stateDigest adds to the inputs what a run leaves behind and the next one reads.
func stateDigest(dir, inputs string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, inputs)
	return hashFiles(h, dir, []string{lock.Path, "go.mod", "go.sum"})
}

func hashFiles(h hash.Hash, dir string, names []string) (string, error) {
	for _, name := range names {
		content, err := readRegular(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		fmt.Fprintf(h, "%q %d %t\n", name, len(content), err == nil)
		h.Write(content)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// readRegular reads a file that is one: a pipe or a device in its place can't hold a run up.
func readRegular(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	return os.ReadFile(name)
}

// intact reports whether every file of class owned, and the base of every other, is as the lock says.
func intact(dir string) bool {
	l, err := readLock(dir)
	if err != nil {
		return false
	}
	for name, entry := range l.Files {
		at := name
		if entry.Class != tree.Owned {
			at = lock.BasePath(name)
		}
		content, err := readRegular(filepath.Join(dir, filepath.FromSlash(at)))
		if err != nil || !entry.Says(content) && (entry.Class != tree.Owned || !entry.SaysForm(content)) {
			return false
		}
	}
	return true
}
