package discovery

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// noCache is the folder of those who want none.
const noCache = "none"

// cache remembers the instances found last: in memory for resolvers that come later, and on disk for an app that starts
// while the registry is away. It is best effort. A disk that can't be written is told about once.
type cache struct {
	dir      string // empty: memory only
	registry string // which one this is about
	log      *slog.Logger
	failed   sync.Once

	mu        sync.Mutex
	instances map[string][]Instance // by <namespace>/<service>
}

func newCache(dir string, endpoints []string, log *slog.Logger) *cache {
	registry := scheme + " " + strings.Join(slices.Sorted(slices.Values(endpoints)), ",")
	return &cache{dir: cacheDir(dir), registry: registry, log: log, instances: map[string][]Instance{}}
}

// cacheDir returns the folder that is meant, or none when there is no telling.
func cacheDir(configured string) string {
	if configured == noCache {
		return ""
	}
	if configured != "" {
		return configured
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "" // no home: a container, as a rule
	}
	return filepath.Join(dir, "quay", "discovery")
}

// load returns the instances of a service found last, or none.
func (c *cache) load(name string) []Instance {
	c.mu.Lock()
	defer c.mu.Unlock()
	if instances, ok := c.instances[name]; ok || c.dir == "" {
		return instances
	}
	content, err := os.ReadFile(c.file(name))
	if err != nil {
		return nil
	}
	var instances []Instance
	if err := json.Unmarshal(content, &instances); err != nil {
		return nil
	}
	c.instances[name] = instances
	return instances
}

// save remembers the instances of a service. It writes only what has changed.
func (c *cache) save(name string, instances []Instance) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if equal(c.instances[name], instances) {
		return
	}
	c.instances[name] = instances
	if c.dir == "" {
		return
	}
	if err := c.write(c.file(name), instances); err != nil {
		c.failed.Do(func() { c.log.Warn("the instances of other services can't be kept on disk", "error", err) })
	}
}

// file names the file of a service: by its name for people, and by a sum of everything else.
func (c *cache) file(name string) string {
	sum := sha256.Sum256([]byte(c.registry + "\n" + name))
	return filepath.Join(c.dir, fmt.Sprintf("%s-%x.json", path.Base(name), sum[:8]))
}

// write replaces the file as a whole: another process may read it at any time.
func (c *cache) write(file string, instances []Instance) error {
	content, err := json.Marshal(instances)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(c.dir, ".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // unless it was renamed
	if _, err := temporary.Write(content); err != nil {
		_ = temporary.Close()
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), file)
}
