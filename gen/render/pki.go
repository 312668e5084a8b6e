package render

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// The types of files for cfssl, to make the same certificate by hand:
// cfssl gencert -config ca-config.json -profile P ID-csr.json
type (
	csrFile struct {
		CN    string    `json:"CN"`
		Key   spec.Key  `json:"key"`
		Hosts []string  `json:"hosts,omitempty"`
		Names []csrName `json:"names,omitempty"`
		CA    *csrCA    `json:"ca,omitempty"`
	}
	csrName struct {
		C  string `json:"C,omitempty"`
		ST string `json:"ST,omitempty"`
		L  string `json:"L,omitempty"`
		O  string `json:"O,omitempty"`
		OU string `json:"OU,omitempty"`
	}
	csrCA struct {
		Expiry string `json:"expiry"`
	}
	signingConfig struct {
		Signing struct {
			Profiles map[string]signingProfile `json:"profiles"`
		} `json:"signing"`
	}
	signingProfile struct {
		Expiry string   `json:"expiry"`
		Usages []string `json:"usages"`
	}
)

// pkiEntries returns everything below pki/. The user's own keys aren't copied, unless an
// earlier export made them; their public halves are.
func pkiEntries(p *plan.Plan, b keys.Bundle) ([]tree.Entry, error) {
	es := []tree.Entry{{Path: keys.Dir, Dir: true, Mode: privateDir}}
	cfg, err := signing(p.Cluster)
	if err != nil {
		return nil, err
	}
	es = append(es, tree.Entry{Path: keys.Dir + "/ca-config.json", Mode: publicMode, Data: cfg})
	for _, it := range p.Items {
		at, pair := keys.Dir+"/"+it.ID, b[it.ID]
		if len(pair.Cert) > 0 {
			es = append(es, tree.Entry{Path: keys.CertPath(it.ID), Mode: publicMode, Data: pair.Cert})
		}
		if it.Kind == plan.KeyPair {
			pub, err := pair.Identity()
			if err != nil {
				return nil, err
			}
			es = append(es, tree.Entry{Path: keys.PublicPath(it.ID), Mode: publicMode, Data: pub})
		} else if !it.Given {
			req, err := csr(it)
			if err != nil {
				return nil, err
			}
			es = append(es, tree.Entry{Path: at + "-csr.json", Mode: publicMode, Data: req})
		}
		if !it.Given || it.Kept {
			es = append(es, tree.Entry{Path: keys.KeyPath(it.ID), Mode: privateMode, Secret: pair.Key})
		}
	}
	return es, nil
}

func csr(it plan.Item) ([]byte, error) {
	s := it.Subject
	f := csrFile{CN: s.CN, Key: it.Key, Hosts: it.Hosts}
	if n := (csrName{C: s.C, ST: s.ST, L: s.L, O: s.O, OU: s.OU}); n != (csrName{}) {
		f.Names = []csrName{n}
	}
	if it.Kind == plan.Authority {
		f.CA = &csrCA{Expiry: it.Expiry.String()}
	}
	return indentedJSON(f)
}

func signing(c *spec.Cluster) ([]byte, error) {
	var f signingConfig
	f.Signing.Profiles = map[string]signingProfile{}
	for _, name := range slices.Sorted(maps.Keys(c.PKI.Profiles)) {
		prof := c.PKI.Profiles[name]
		f.Signing.Profiles[name] = signingProfile{Expiry: prof.Expiry.String(), Usages: prof.Usages}
	}
	return indentedJSON(f)
}

func indentedJSON(v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", "  ")
	return append(data, '\n'), err
}
