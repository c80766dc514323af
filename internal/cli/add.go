package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/svcgen/svc/internal/diag"
	"github.com/svcgen/svc/internal/engine"
	"github.com/svcgen/svc/internal/manifest"
	"github.com/svcgen/svc/internal/protoload"
	"github.com/svcgen/svc/internal/splice"
	"github.com/svcgen/svc/internal/ui"
)

// addOptions are those of all that svc add can do.
type addOptions struct {
	dir string
}

func newAdd(io *ui.IO) *cobra.Command {
	var o addOptions
	c := &cobra.Command{
		Use:   "add",
		Short: "Add an app, a layer, a service or an rpc, and generate",
		Long: `Add edits svc.yaml and the .proto files as you would, then brings the project up to date as svc generate does.
All that is there stays as it is: comments, order, indentation, line ends. The edits and the generated files are written
together or, after a mistake, a failure or an interrupt, not at all.`,
		Example: `  svc add rpc Catalog.Search --server-stream
  svc add service shop.v1.Orders
  svc add app pay --service shop.v1.Payments
  svc add layer helm`,
		Args: cobra.NoArgs,
	}
	c.PersistentFlags().StringVarP(&o.dir, "project", "C", ".", "the project's `folder`, or one below it")
	c.AddCommand(newAddApp(io, &o), newAddLayer(io, &o), newAddService(io, &o), newAddRPC(io, &o))
	return c
}

// addition is what svc add does to the files of a project's owner.
type addition struct {
	engine   *engine.Engine
	dir      string
	source   []byte // of svc.yaml
	manifest *manifest.Manifest
	contract *protoload.Contract // once it is loaded
	edits    []engine.Edit
	added    []string // what, and where
}

// run has decide make the edits, carries them out, and prints what has become of the project.
func (o addOptions) run(ctx context.Context, io *ui.IO, decide func(*addition) error) error {
	dir, err := engine.FindProject(o.dir)
	if err != nil {
		return err
	}
	a := &addition{engine: newEngine(io), dir: dir}
	if err = a.open(); err == nil {
		err = decide(a)
	}
	if err != nil || len(a.edits) == 0 {
		return locatedError(dir, err)
	}
	result, err := a.engine.Add(ctx, dir, a.edits)
	if err != nil {
		return locatedError(dir, err)
	}
	for _, what := range a.added {
		if _, err := fmt.Fprintln(io.Out, what); err != nil {
			return err
		}
	}
	return ended(io, report{Result: result, dir: dir})
}

// open reads the manifest; what is parsed and what is edited are the same bytes.
func (a *addition) open() (err error) {
	if _, err := a.engine.ReadManifest(a.dir); err != nil { // it does not wait for a pipe
		return err
	}
	if a.source, err = a.read(manifest.FileName); err != nil {
		return err
	}
	a.manifest, err = a.engine.ParseManifest(manifest.FileName, a.source)
	return err
}

// load compiles the contract as it is.
func (a *addition) load(ctx context.Context) (err error) {
	a.contract, err = a.engine.LoadContract(ctx, a.dir, a.manifest)
	return err
}

func (a *addition) read(file string) ([]byte, error) {
	return os.ReadFile(filepath.Join(a.dir, filepath.FromSlash(file)))
}

// exists reports whether something is at a path in the project.
func (a *addition) exists(file string) bool {
	_, err := os.Lstat(filepath.Join(a.dir, filepath.FromSlash(file)))
	return !errors.Is(err, fs.ErrNotExist)
}

// append adds items to a list in svc.yaml; after is the key that the list's own comes after when it is missing.
func (a *addition) append(list splice.Path, after string, items ...splice.Item) error {
	edited, err := splice.Append(a.source, list, after, items...)
	if err != nil {
		return finding(diag.Pos{File: manifest.FileName}, "", "%v", err)
	}
	a.edit(manifest.FileName, a.source, edited)
	return nil
}

func (a *addition) edit(file string, was, is []byte) {
	a.edits = append(a.edits, engine.Edit{Path: file, Old: was, New: is})
}

func (a *addition) say(format string, args ...any) {
	a.added = append(a.added, "added "+fmt.Sprintf(format, args...))
}

// shown is a file of the project as a person finds it from the working folder.
func (a *addition) shown(file string) string { return inDir(a.dir, file) }

// finding is an error at a place in the project.
func finding(pos diag.Pos, hint, format string, args ...any) error {
	var found diag.Set
	found.At(pos, hint, format, args...)
	return found.Err()
}

// inside reports whether a path that is relative to the project leads into it.
func inside(file string) bool { return filepath.IsLocal(filepath.FromSlash(path.Clean(file))) }

// identifier is a name in a .proto file.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// oneArg is the only argument of a command, which is what it adds.
func oneArg(c *cobra.Command, args []string) (string, error) {
	if len(args) != 1 {
		return "", usagef("one name is wanted, not %d: %s\nrun %s --help", len(args), c.UseLine(), c.CommandPath())
	}
	return args[0], nil
}
