//go:build go1.21

// Probe prints what this version's kube-controller-manager knows. tools/kubernetes
// compiles it in a module of that version, together with types.go and the imports of the
// real program. Build tags kube1_NN distinguish versions; the go tag above lets old
// modules use today's language.
//
// It reads words to try as values of flags from standard input.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/sets"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/featuregate"
	"k8s.io/component-base/version"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
)

func main() {
	words := map[string][]string{}
	if err := json.NewDecoder(os.Stdin).Decode(&words); err != nil {
		fail(err)
	}
	command := app.NewControllerManagerCommand()                     // it may set defaults of gates: v1.34 does
	command.SetGlobalNormalizationFunc(cliflag.WordSepNormalizeFunc) // as main does
	facts := Facts{Version: version.Get().GitVersion, FeatureGates: gates()}
	var err error
	if facts.Flags, err = flags(command.Flags(), words); err != nil {
		fail(err)
	}
	facts.Controllers = controllers() // last, because it may switch gates
	if err := json.NewEncoder(os.Stdout).Encode(facts); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "probe:", err)
	os.Exit(1)
}

func gates() []Gate {
	var out []Gate
	needs := gateNeeds()
	for name, spec := range utilfeature.DefaultMutableFeatureGate.GetAll() {
		out = append(out, Gate{Name: string(name), Default: spec.Default, Stage: stageOf(spec), Locked: spec.LockToDefault, Needs: needs[name]})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	emulate(out)
	return out
}

func stageOf(spec featuregate.FeatureSpec) string {
	if spec.PreRelease == featuregate.GA {
		return "GA"
	}
	return string(spec.PreRelease)
}

// gateNeeds returns, for each gate, the gates that it needs, if this version checks
// them.
func gateNeeds() map[featuregate.Feature][]string {
	out := map[featuregate.Feature][]string{}
	known, ok := utilfeature.DefaultMutableFeatureGate.(interface {
		Dependencies() map[featuregate.Feature][]featuregate.Feature
	})
	if !ok {
		return out
	}
	for name, needs := range known.Dependencies() {
		for _, need := range needs {
			out[name] = append(out[name], string(need))
		}
		sort.Strings(out[name])
	}
	return out
}

// settings are a set of options and its flags.
type settings struct {
	options *options.KubeControllerManagerOptions
	named   cliflag.NamedFlagSets
	flags   *pflag.FlagSet
}

func newSettings() (*settings, error) {
	o, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		return nil, err
	}
	s := &settings{options: o, flags: pflag.NewFlagSet("", pflag.ContinueOnError)}
	s.named = call(o, "Flags")[0].Interface().(cliflag.NamedFlagSets)
	s.flags.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	for _, fs := range s.named.FlagSets {
		s.flags.AddFlagSet(fs)
	}
	return s, nil
}

func (s *settings) validate() error {
	err, _ := call(s.options, "Validate")[0].Interface().(error)
	return err
}

// call calls a method with the known controllers, those off by default and, from v1.28
// on, their aliases.
func call(receiver any, method string) []reflect.Value {
	m := reflect.ValueOf(receiver).MethodByName(method)
	args := []any{app.KnownControllers(), offByDefault(), aliases()}
	var in []reflect.Value
	for _, a := range args[:m.Type().NumIn()] {
		in = append(in, reflect.ValueOf(a))
	}
	return m.Call(in)
}

// offByDefault returns the controllers that are off by default: a set in old versions, a
// function in new ones.
func offByDefault() []string {
	switch off := any(app.ControllersDisabledByDefault).(type) {
	case sets.String:
		return off.List()
	case func() []string:
		return off()
	}
	panic(fmt.Sprintf("ControllersDisabledByDefault is a %T", app.ControllersDisabledByDefault))
}

// flags returns the flags of the real command, in the sections of the options. Flags
// that the command itself adds are global.
func flags(command *pflag.FlagSet, words map[string][]string) ([]Flag, error) {
	s, err := newSettings()
	if err != nil {
		return nil, err
	}
	section := map[string]string{}
	for name, fs := range s.named.FlagSets {
		fs.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
		fs.VisitAll(func(f *pflag.Flag) { section[f.Name] = name })
	}
	var out []Flag
	command.VisitAll(func(f *pflag.Flag) {
		d := Flag{
			Name: f.Name, Type: f.Value.Type(), Default: f.DefValue, Section: section[f.Name],
			Deprecated: f.Deprecated != "" || strings.Contains(f.Usage, "DEPRECATED"),
			Hidden:     f.Hidden, NoOptDefVal: f.NoOptDefVal, Shorthand: f.Shorthand,
		}
		if d.NoOptDefVal == "true" && d.Type == "bool" {
			d.NoOptDefVal = "" // as for every bool
		}
		if d.Section == "" {
			d.Section = "global"
		} else if merr := measure(&d, f.Usage, words[f.Name]); merr != nil {
			err = merr
		}
		out = append(out, d)
	})
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, err
}
