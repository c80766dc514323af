//go:build !linux

package scratch

// InMemory puts temporary files into memory where a system has a folder for that. This one has none.
func InMemory() {}
