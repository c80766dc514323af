package engine

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/svcgen/svc/internal/godecl"
	"github.com/svcgen/svc/internal/handlers"
	"github.com/svcgen/svc/internal/model"
	"github.com/svcgen/svc/internal/plan"
	"github.com/svcgen/svc/internal/rename"
	"github.com/svcgen/svc/internal/tree"
)

// syncHandlers merges the packages of handlers in which anything has changed, each as a whole: methods may have moved to any
// of its files. It returns what becomes of their files, by path.
func syncHandlers(dir string, in plan.Input, s shift, found rename.Found, p *model.Project) (map[string]plan.Merged, error) {
	packages := handlerPackages(in)
	late := lateMethods(found, p)
	maps.DeleteFunc(packages, func(folder string, pkg *handlers.Package) bool { return !changed(pkg) && len(late[folder]) == 0 })
	if len(packages) == 0 {
		return nil, nil
	}
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a fresh project
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	renamed := renamedDeclarations(in, found, p)
	merged := map[string]plan.Merged{}
	for folder, pkg := range packages {
		if pkg.Disk, err = readGo(root, folder); err != nil {
			return nil, err
		}
		for _, path := range s.paths() {
			if delete(pkg.Disk, path); in.Disk[path] != nil && strings.HasPrefix(path, folder+"/") {
				pkg.Disk[path] = in.Disk[path]
			}
		}
		if fresh(in, pkg) {
			continue
		}
		if pkg.Late = handlers.Undone(pkg.Disk, late[folder]); len(pkg.Late) == 0 && !changed(pkg) {
			continue
		}
		maps.Copy(in.Disk, pkg.Disk)
		maps.DeleteFunc(pkg.Disk, func(path string, content []byte) bool { return goes(in, path, content) })
		for was, is := range pkg.Moved {
			if content, ok := in.Disk[was]; ok {
				pkg.Disk[was] = content // from another folder, maybe
			}
			if bytes.Equal(in.Disk[is], in.Bases[is]) || bytes.Equal(in.Disk[is], pkg.New[is]) {
				delete(pkg.Disk, is) // what comes takes the place of what nobody has touched
			}
		}
		pkg.Renamed = renamed
		files := mergedPackage(pkg, handlers.Sync(*pkg))
		markLeft(in, pkg, files)
		maps.Copy(merged, files)
	}
	return merged, nil
}

// handlerPackages groups the handlers by folder. A file of the owner's where svc would put one for the first time is not
// among them: it is a conflict.
func handlerPackages(in plan.Input) map[string]*handlers.Package {
	from := map[string]string{}
	for old, path := range in.Moved {
		from[path] = old
	}
	packages := map[string]*handlers.Package{}
	for _, f := range in.Generated.Files() {
		if f.Class != tree.Decl {
			continue
		}
		was := f.Path
		if old, ok := from[f.Path]; ok {
			was = old
		}
		base, known := in.Bases[was]
		_, exists := in.Disk[f.Path]
		if exists && !known || in.Outside[f.Path] {
			continue
		}
		pkg := packageOf(packages, f.Path)
		pkg.New[f.Path] = f.Content
		if known {
			pkg.Base[was] = base
		}
		if was != f.Path {
			pkg.Moved[was] = f.Path
		}
	}
	for path := range in.Lock.Files {
		if leftElsewhere(in, path) {
			packageOf(packages, path).Base[path] = in.Bases[path]
		}
	}
	return packages
}

// packageOf is the package that a file belongs to; the first file makes it.
func packageOf(packages map[string]*handlers.Package, file string) *handlers.Package {
	pkg := packages[path.Dir(file)]
	if pkg == nil {
		pkg = &handlers.Package{Base: map[string][]byte{}, New: map[string][]byte{}, Moved: map[string]string{}}
		packages[path.Dir(file)] = pkg
	}
	return pkg
}

// leftElsewhere reports whether a file of handlers is no longer emitted, nor there: its owner may have put what was in it
// into other files. One that is there is dealt with as a whole.
func leftElsewhere(in plan.Input, path string) bool {
	_, emitted := in.Generated.Lookup(path)
	_, moves := in.Moved[path]
	_, exists := in.Disk[path]
	_, known := in.Bases[path]
	return in.Lock.Files[path].Class == tree.Decl && known && !emitted && !moves && !exists && !in.Outside[path]
}

// changed reports whether svc emits anything in a package otherwise than last time.
func changed(pkg *handlers.Package) bool {
	return !maps.EqualFunc(pkg.Base, pkg.New, bytes.Equal)
}

// fresh reports whether nothing of a package is there, or has ever been: its files are new like any others.
func fresh(in plan.Input, pkg *handlers.Package) bool {
	for path := range pkg.New {
		if _, was := in.Lock.Files[path]; was {
			return false
		}
	}
	return len(pkg.Base)+len(pkg.Disk)+len(pkg.Moved) == 0
}

// goes reports whether a file is deleted because svc no longer emits it, and nobody has touched it: nothing depends on it.
func goes(in plan.Input, path string, content []byte) bool {
	_, emitted := in.Generated.Lookup(path)
	_, moves := in.Moved[path]
	_, was := in.Lock.Files[path]
	base, known := in.Bases[path]
	return was && !emitted && !moves && known && bytes.Equal(content, base)
}

// readGo reads the Go files of a folder, by path. One that is not there is empty.
func readGo(root *os.Root, folder string) (map[string][]byte, error) {
	entries, err := fs.ReadDir(root.FS(), folder)
	files := map[string][]byte{}
	if err != nil {
		return files, ignoreNotExist(err)
	}
	for _, e := range entries {
		name := path.Join(folder, e.Name())
		link := e.Type()&fs.ModeSymlink != 0 && !leadsOut(root, name)
		if !strings.HasSuffix(name, ".go") || !e.Type().IsRegular() && !link {
			continue
		}
		if files[name], err = readIn(root, name); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// mergedPackage says what becomes of each file of a package: one that needs nothing stays as it is.
func mergedPackage(pkg *handlers.Package, files map[string]handlers.File) map[string]plan.Merged {
	merged := map[string]plan.Merged{}
	for path := range pkg.New {
		merged[path] = plan.Merged{Content: pkg.Disk[path]}
	}
	for path, f := range files {
		m := plan.Merged{Content: f.Content, Waits: f.Waits, Asks: f.Asks, Notes: planNotes(f.Notes), Places: planNotes(f.Conflicts)}
		if len(f.Conflicts) > 0 {
			m.Conflict = "you and svc changed the same declarations"
		}
		_, emitted := pkg.New[path]
		_, was := pkg.Base[path]
		_, moves := pkg.Moved[path]
		switch {
		case f.Err != nil && (moves || f.Waits && (emitted || was)):
			m.Broken = f.Err.Error()
		case f.Err != nil:
			m.Notes = append(m.Notes, plan.Note{Text: "it does not parse, and is left alone: " + f.Err.Error()})
		}
		merged[path] = m
	}
	return merged
}

// markLeft tells of each file what it still holds of those that are no longer emitted.
func markLeft(in plan.Input, pkg *handlers.Package, merged map[string]plan.Merged) {
	for _, gone := range slices.Sorted(maps.Keys(pkg.Base)) {
		if !leftElsewhere(in, gone) {
			continue
		}
		for file, disk := range pkg.Disk {
			m, ok := merged[file]
			_, inTheWay := in.Generated.Lookup(file)
			if inTheWay = inTheWay && pkg.New[file] == nil; !ok || inTheWay {
				m.Content = disk // it stays as it is
			}
			if handlers.Holds(m.Content, pkg.Base[gone]) {
				m.Left = append(m.Left, gone)
				merged[file] = m
			}
		}
	}
}

func planNotes(notes []godecl.Note) []plan.Note {
	var list []plan.Note
	for _, n := range notes {
		list = append(list, plan.Note{Line: n.Line, Text: n.Text})
	}
	return list
}
