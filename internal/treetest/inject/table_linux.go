//go:build amd64 || arm64

package inject

import (
	"maps"

	"golang.org/x/sys/unix"
)

// specs has every system call that can be counted, by number.
var specs = func() map[uint64]callSpec {
	m := maps.Clone(commonSpecs)
	maps.Copy(m, archSpecs)
	return m
}()

// commonSpecs are the calls that all architectures have.
var commonSpecs = map[uint64]callSpec{
	unix.SYS_OPENAT:          {"openat", "dpfm", true},
	unix.SYS_OPENAT2:         {"openat2", "dph", true},
	unix.SYS_WRITE:           {"write", "w", true},
	unix.SYS_PWRITE64:        {"pwrite64", "w", true},
	unix.SYS_WRITEV:          {"writev", "w", true},
	unix.SYS_PWRITEV:         {"pwritev", "w", true},
	unix.SYS_PWRITEV2:        {"pwritev2", "w", true},
	unix.SYS_COPY_FILE_RANGE: {"copy_file_range", "..w", true},
	unix.SYS_SENDFILE:        {"sendfile", "w", true},
	unix.SYS_SPLICE:          {"splice", "..w", true},
	unix.SYS_TRUNCATE:        {"truncate", "p", true},
	unix.SYS_FTRUNCATE:       {"ftruncate", "w", true},
	unix.SYS_FALLOCATE:       {"fallocate", "w", true},

	unix.SYS_FSYNC:           {"fsync", "w", true},
	unix.SYS_FDATASYNC:       {"fdatasync", "w", true},
	unix.SYS_SYNC_FILE_RANGE: {"sync_file_range", "w", true},
	unix.SYS_SYNCFS:          {"syncfs", "w", true},
	unix.SYS_SYNC:            {"sync", "", true},

	unix.SYS_MKDIRAT:   {"mkdirat", "dpm", true},
	unix.SYS_MKNODAT:   {"mknodat", "dpm", true},
	unix.SYS_RENAMEAT2: {"renameat2", "dpdpf", true},
	unix.SYS_LINKAT:    {"linkat", "dpdpf", true},
	unix.SYS_SYMLINKAT: {"symlinkat", "tdp", true},
	unix.SYS_UNLINKAT:  {"unlinkat", "dpf", true},

	unix.SYS_FCHMOD:       {"fchmod", "wm", true},
	unix.SYS_FCHMODAT:     {"fchmodat", "dpm", true},
	unix.SYS_FCHMODAT2:    {"fchmodat2", "dpmf", true},
	unix.SYS_FCHOWN:       {"fchown", "w", true},
	unix.SYS_FCHOWNAT:     {"fchownat", "dp..f", true},
	unix.SYS_UTIMENSAT:    {"utimensat", "dp.f", true},
	unix.SYS_SETXATTR:     {"setxattr", "p", true},
	unix.SYS_LSETXATTR:    {"lsetxattr", "p", true},
	unix.SYS_FSETXATTR:    {"fsetxattr", "w", true},
	unix.SYS_REMOVEXATTR:  {"removexattr", "p", true},
	unix.SYS_LREMOVEXATTR: {"lremovexattr", "p", true},
	unix.SYS_FREMOVEXATTR: {"fremovexattr", "w", true},

	unix.SYS_CLOSE:      {"close", "w", false},
	unix.SYS_FLOCK:      {"flock", "w", false},
	unix.SYS_READ:       {"read", "w", false},
	unix.SYS_PREAD64:    {"pread64", "w", false},
	unix.SYS_GETDENTS64: {"getdents64", "w", false},
	unix.SYS_FSTAT:      {"fstat", "w", false},
	unix.SYS_STATX:      {"statx", "dpf", false},
	unix.SYS_READLINKAT: {"readlinkat", "dp", false},
}
