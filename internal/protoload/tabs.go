package protoload

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// errEmpty is of a file that somebody is about to write, as most editors do in place. Taken for a contract without
// services it would have what belongs to them deleted.
var errEmpty = errors.New("the file is empty")

// tabs converts columns. Compilers of .proto files let a tab lead to the next multiple of 8; whoever follows a
// file:line:col counts it as the one character that it is. It keeps the sources that hold tabs, which few do.
type tabs struct {
	mu    sync.Mutex // files are compiled side by side
	lines map[string][][]byte
}

// read returns the content of r, which is the source of an import path.
func (t *tabs) read(file string, r io.Reader) (io.Reader, error) {
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if len(content) == 0 {
		return nil, errEmpty
	}
	if bytes.IndexByte(content, '\t') >= 0 {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.lines == nil {
			t.lines = map[string][][]byte{}
		}
		t.lines[file] = bytes.Split(content, []byte("\n"))
	}
	return bytes.NewReader(content), nil
}

// column returns the character of the line that a compiler's column is.
func (t *tabs) column(file string, line, col int) int {
	if t == nil {
		return col
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := t.lines[file]
	if line < 1 || line > len(lines) {
		return col
	}
	const stop = 8
	at, n := 0, 1
	for _, r := range string(lines[line-1]) {
		if at >= col-1 {
			break
		}
		if n++; r == '\t' {
			at += stop - at%stop
		} else {
			at++
		}
	}
	return n + max(0, col-1-at)
}
