package gomod

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// Merge brings the go.mod that a project has from what svc emitted last to what it emits now. Requirements merge by
// module: of two versions the higher wins, and what the owner requires, or no longer requires, stays so. So does how the
// owner's lines end, and a byte order mark.
func Merge(base, disk, next []byte) ([]byte, error) {
	var files [3]*modfile.File
	for i, content := range [][]byte{base, disk, next} {
		f, err := modfile.Parse("go.mod", bytes.TrimPrefix(content, byteOrderMark), nil)
		if err != nil {
			return nil, err
		}
		files[i] = f
	}
	b, d, n := files[0], files[1], files[2]
	d.SetRequireSeparateIndirect(merged(b, d, n))
	if err := mergeTools(b, d, n); err != nil {
		return nil, err
	}
	if was, is := modulePath(b), modulePath(n); was != is && is != "" && modulePath(d) == was {
		if err := d.AddModuleStmt(is); err != nil {
			return nil, err
		}
	}
	if n.Go != nil && (d.Go == nil || semver.Compare("v"+n.Go.Version, "v"+d.Go.Version) > 0) {
		if err := d.AddGoStmt(n.Go.Version); err != nil {
			return nil, err
		}
	}
	d.SortBlocks()
	d.Cleanup()
	content, err := d.Format()
	if err != nil {
		return nil, fmt.Errorf("go.mod: %w", err)
	}
	return styled(content, disk), nil
}

var byteOrderMark = []byte("\uFEFF")

// styled writes what modfile has formatted as most lines of another text are written.
func styled(content, like []byte) []byte {
	if crlf := bytes.Count(like, []byte("\r\n")); crlf > 0 && 2*crlf > bytes.Count(like, []byte("\n")) {
		content = bytes.ReplaceAll(content, []byte("\n"), []byte("\r\n"))
	}
	if bytes.HasPrefix(like, byteOrderMark) {
		content = slices.Concat(byteOrderMark, content)
	}
	return content
}

// modulePath is what a go.mod's module line says, or "".
func modulePath(f *modfile.File) string {
	if f.Module == nil {
		return ""
	}
	return f.Module.Mod.Path
}

// merged are the requirements of d, at no lower version than n's, and those of n that svc has not emitted before. Whether
// one is indirect follows n where it is as svc left it: emitted code may have begun to import it.
func merged(b, d, n *modfile.File) []*modfile.Require {
	was, has, next := required(b), required(d), required(n)
	var list []*modfile.Require
	for _, r := range d.Require {
		is := *r
		if to := next[r.Mod.Path]; to != nil {
			if semver.Compare(to.Mod.Version, r.Mod.Version) > 0 {
				is.Mod.Version = to.Mod.Version
			}
			if from := was[r.Mod.Path]; from != nil && from.Indirect == r.Indirect {
				is.Indirect = to.Indirect
			}
		}
		list = append(list, &is)
	}
	for _, r := range n.Require {
		if was[r.Mod.Path] == nil && has[r.Mod.Path] == nil {
			list = append(list, r)
		}
	}
	return list
}

func required(f *modfile.File) map[string]*modfile.Require {
	m := map[string]*modfile.Require{}
	for _, r := range f.Require {
		m[r.Mod.Path] = r
	}
	return m
}

func mergeTools(b, d, n *modfile.File) error {
	listed := func(f *modfile.File, path string) bool {
		return slices.ContainsFunc(f.Tool, func(t *modfile.Tool) bool { return t.Path == path })
	}
	for _, t := range n.Tool {
		if !listed(b, t.Path) && !listed(d, t.Path) {
			if err := d.AddTool(t.Path); err != nil {
				return err
			}
		}
	}
	return nil
}

// MergeSum returns the checksums of both versions of a go.sum: a checksum that nothing needs does no harm.
func MergeSum(disk, next []byte) []byte {
	return sumLines(strings.Split(string(disk)+"\n"+string(next), "\n"))
}

// sumLines lists checksums in the order of the go command: by module, by version, a module's go.mod after its content.
func sumLines(all []string) []byte {
	lines := map[module.Version]string{}
	for _, l := range all {
		if fields := strings.Fields(l); len(fields) == 3 {
			lines[module.Version{Path: fields[0], Version: fields[1]}] = strings.Join(fields, " ")
		}
	}
	mods := slices.Collect(maps.Keys(lines))
	module.Sort(mods)
	var b strings.Builder
	for _, m := range mods {
		b.WriteString(lines[m] + "\n")
	}
	return []byte(b.String())
}
