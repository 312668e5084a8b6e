//go:build go1.21

// Probe prints what this version's kube-controller-manager knows. It is compiled
// by tools/kubernetes into a module of that version, beside types.go and the
// imports of the real program. Build tags kube1_NN tell versions apart; the go
// line above lets old modules use today's language.
//
// On standard input it takes words to try as values of flags.
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
	facts.Controllers = controllers() // the last, for it may switch gates
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

// gateNeeds are the gates that a gate can't be on without, where this version
// looks at that.
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

// settings are one set of options, and its flags.
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

// call calls a method that takes the known controllers, those off by default
// and, from v1.28 on, their aliases.
func call(receiver any, method string) []reflect.Value {
	m := reflect.ValueOf(receiver).MethodByName(method)
	args := []any{app.KnownControllers(), offByDefault(), aliases()}
	var in []reflect.Value
	for _, a := range args[:m.Type().NumIn()] {
		in = append(in, reflect.ValueOf(a))
	}
	return m.Call(in)
}

// offByDefault has been a set, and is a function.
func offByDefault() []string {
	switch off := any(app.ControllersDisabledByDefault).(type) {
	case sets.String:
		return off.List()
	case func() []string:
		return off()
	}
	panic(fmt.Sprintf("ControllersDisabledByDefault is a %T", app.ControllersDisabledByDefault))
}

// flags are those of the real command. Its sections are those of the options;
// what it adds itself is global.
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
