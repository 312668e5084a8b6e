package binary

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// machine is an architecture in ELF headers.
type machine struct {
	machine elf.Machine
	class   elf.Class
	data    elf.Data
}

func (m machine) String() string {
	bits := map[elf.Class]string{elf.ELFCLASS32: "32 bits", elf.ELFCLASS64: "64 bits"}[m.class]
	order := map[elf.Data]string{elf.ELFDATA2LSB: "little endian", elf.ELFDATA2MSB: "big endian"}[m.data]
	return fmt.Sprintf("%s, %s, %s", strings.TrimPrefix(m.machine.String(), "EM_"), bits, order)
}

// machines has the architectures that a cluster can name.
var machines = map[string]machine{
	"386":     {elf.EM_386, elf.ELFCLASS32, elf.ELFDATA2LSB},
	"amd64":   {elf.EM_X86_64, elf.ELFCLASS64, elf.ELFDATA2LSB},
	"arm":     {elf.EM_ARM, elf.ELFCLASS32, elf.ELFDATA2LSB},
	"arm64":   {elf.EM_AARCH64, elf.ELFCLASS64, elf.ELFDATA2LSB},
	"ppc64le": {elf.EM_PPC64, elf.ELFCLASS64, elf.ELFDATA2LSB},
	"riscv64": {elf.EM_RISCV, elf.ELFCLASS64, elf.ELFDATA2LSB},
	"s390x":   {elf.EM_S390, elf.ELFCLASS64, elf.ELFDATA2MSB},
}

// check returns an error unless a file is an ELF executable for an architecture.
func check(r io.ReaderAt, arch string) error {
	want, ok := machines[arch]
	if !ok {
		return errors.New("unknown architecture")
	}
	f, err := elf.NewFile(r)
	if err != nil {
		return errors.New("it is no ELF file")
	}
	if got := (machine{f.Machine, f.Class, f.Data}); got != want {
		return fmt.Errorf("its ELF header says %s; %s is %s", got, arch, want)
	}
	// A position-independent executable is a shared object with an entry.
	if f.Type != elf.ET_EXEC && (f.Type != elf.ET_DYN || f.Entry == 0) {
		return fmt.Errorf("it can't be executed: its ELF type is %s", strings.TrimPrefix(f.Type.String(), "ET_"))
	}
	return nil
}

// Static returns a DynamicError if a program needs a loader, which an image from scratch
// doesn't have. origin names the program's source in the error.
func (f File) Static(origin string) error {
	r, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer r.Close()
	e, err := elf.NewFile(r)
	if err != nil {
		return err
	}
	for _, p := range e.Progs {
		if p.Type == elf.PT_INTERP {
			name, err := io.ReadAll(io.LimitReader(p.Open(), 256))
			if err != nil {
				return err
			}
			return &DynamicError{origin, strings.TrimRight(string(name), "\x00")}
		}
	}
	return nil
}
