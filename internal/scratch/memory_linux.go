// Package scratch says where tests put what they write.
package scratch

import (
	"os"
	"syscall"
)

const (
	memory = "/dev/shm"
	room   = 8 << 30 // bytes; the tests of internal/e2e take 3 GiB at a time
	noexec = 8       // ST_NOEXEC of statfs(2)
)

// InMemory puts the temporary files of this process, and of those that it starts, into memory if there is room for them,
// and nobody has set TMPDIR. Tests write and delete thousands of small projects, and on some disks that takes longer than
// the tests do: ext4 without a journal passes over each inode that was deleted in the last minutes to find a new one.
func InMemory() {
	var fs syscall.Statfs_t
	if os.Getenv("TMPDIR") != "" || syscall.Statfs(memory, &fs) != nil {
		return
	}
	if fs.Bavail*uint64(fs.Bsize) >= room && fs.Flags&noexec == 0 {
		os.Setenv("TMPDIR", memory)
	}
}
