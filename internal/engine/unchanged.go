package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/svcgen/svc/internal/apply"
	"github.com/svcgen/svc/internal/lock"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/tree"
)

// inputsPath keeps, for this machine, the digest of all that the last generation depended on.
const inputsPath = apply.CacheDir + "/inputs"

// unchanged reports whether the last generation had the same inputs and left nothing to say, and the files that
// svc owns are as it wrote them. Then there is nothing to do, whatever the user did to the other files.
func (e *Engine) unchanged(dir string) bool {
	recorded, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(inputsPath)))
	if err != nil {
		return false
	}
	digest, err := e.digest(dir)
	return err == nil && digest == strings.TrimSpace(string(recorded)) && ownedIntact(dir)
}

// remember records the inputs of a run after which another would do nothing and report nothing.
func (e *Engine) remember(dir string, r *Result) error {
	name := filepath.Join(dir, filepath.FromSlash(inputsPath))
	if !r.Plan.Settled() || len(r.Warnings) > 0 {
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	}
	digest, err := e.digest(dir)
	if err != nil {
		return err
	}
	content := []byte(digest + "\n")
	if now, err := os.ReadFile(name); err == nil && string(now) == string(content) {
		return nil
	}
	return os.WriteFile(name, content, 0o644)
}

// digest covers this svc, the manifest, the lock, the module and every source below the import roots.
func (e *Engine) digest(dir string) (string, error) {
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
	m, err := e.ReadManifest(dir)
	if err != nil {
		return "", err
	}
	names := []string{manifest.FileName, lock.Path, "go.mod", "go.sum"}
	if m.Proto.DescriptorSet != "" {
		names = append(names, m.Proto.DescriptorSet)
	}
	for _, root := range m.Proto.Roots {
		sources, err := sourcesBelow(dir, root)
		if err != nil {
			return "", err
		}
		names = append(names, sources...)
	}
	for _, name := range names {
		if err := hashFile(h, dir, name); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func hashFile(h hash.Hash, dir, name string) error {
	content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	fmt.Fprintf(h, "%q %d %t\n", name, len(content), err == nil)
	h.Write(content)
	return nil
}

// sourcesBelow lists the .proto files below an import root.
func sourcesBelow(dir, root string) ([]string, error) {
	base := filepath.Join(dir, filepath.FromSlash(root))
	var names []string
	err := filepath.WalkDir(base, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".proto") {
			return err
		}
		rel, err := filepath.Rel(base, p)
		names = append(names, path.Join(root, filepath.ToSlash(rel)))
		return err
	})
	slices.Sort(names)
	return names, err
}

// ownedIntact reports whether every file of class owned is as the lock says.
func ownedIntact(dir string) bool {
	l, err := readLock(dir)
	if err != nil {
		return false
	}
	for name, entry := range l.Files {
		if entry.Class != tree.Owned {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil || tree.Sum(content) != entry.Sum {
			return false
		}
	}
	return true
}
