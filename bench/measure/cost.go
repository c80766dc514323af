package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cost is what one run took.
type cost struct {
	wall   time.Duration
	memory int64 // most bytes resident at one moment, children included; 0 where it was not looked at
}

// measure runs a command. Its time and its memory are taken in runs of their own, for looking costs time.
func measure(cmd *exec.Cmd, memory bool) (cost, error) {
	syscall.Sync() // what an earlier run left to be written is not this one's to wait for
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return cost{}, err
	}
	var c cost
	stop, peak := make(chan struct{}), make(chan int64)
	if memory {
		go func() { peak <- watch(cmd.Process.Pid, stop) }()
	}
	err := cmd.Wait()
	c.wall = time.Since(start)
	if memory {
		close(stop)
		c.memory = <-peak
	}
	if err != nil {
		return c, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out.Bytes())
	}
	return c, nil
}

// watch returns the most memory that a process and all below it held at one moment.
func watch(pid int, stop <-chan struct{}) (peak int64) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		peak = max(peak, resident(pid))
		select {
		case <-stop:
			return peak
		case <-tick.C:
		}
	}
}

// resident sums resident memory over a process and its descendants, as Linux tells it; elsewhere it is 0.
// What processes share is counted once.
func resident(pid int) int64 {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	rollup, _ := os.ReadFile(filepath.Join(dir, "smaps_rollup"))
	_, pss, _ := strings.Cut(string(rollup), "\nPss:")
	var kib int64
	if _, err := fmt.Sscan(pss, &kib); err != nil {
		return 0 // it has ended, or this is not Linux
	}
	sum := kib << 10
	program, _ := os.Readlink(filepath.Join(dir, "exe"))
	tasks, _ := filepath.Glob(filepath.Join(dir, "task", "*", "children"))
	for _, task := range tasks {
		children, _ := os.ReadFile(task)
		for child := range strings.FieldsSeq(string(children)) {
			id, _ := strconv.Atoi(child)
			// A child that has not started its program yet still lives in its parent's memory.
			if exe, _ := os.Readlink(filepath.Join("/proc", child, "exe")); exe != program {
				sum += resident(id)
			}
		}
	}
	return sum
}
