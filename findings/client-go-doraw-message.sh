#!/bin/sh
# A request of client-go's REST client that ends with DoRaw loses the apiserver's sentence: its
# error says "unknown" where Do says who may not do what. The status code stays, so IsForbidden
# and its like are right. A tool that reads raw bytes has to read errors by Do.
set -eu
version=v0.37.1
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'END'
package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

func main() {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","code":403,"reason":"Forbidden",
			"message":"nodes is forbidden: User \"ann\" cannot list resource \"nodes\" at the cluster scope","details":{"kind":"nodes"}}`)
	}))
	defer s.Close()
	scheme := runtime.NewScheme()
	meta.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	client, err := rest.RESTClientFor(&rest.Config{Host: s.URL, APIPath: "/api", ContentConfig: rest.ContentConfig{
		GroupVersion: &schema.GroupVersion{Version: "v1"}, NegotiatedSerializer: serializer.NewCodecFactory(scheme).WithoutConversion(),
	}})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	fmt.Println("Do:    ", client.Get().AbsPath("/api/v1/nodes").Do(ctx).Error())
	_, err = client.Get().AbsPath("/api/v1/nodes").DoRaw(ctx)
	fmt.Println("DoRaw: ", err)
}
END
cat >go.mod <<END
module finding

go 1.26

require k8s.io/client-go $version
END
go mod tidy >/dev/null 2>&1
echo "client-go $version"
go run . | tee output
grep -q '^Do: .*User "ann" cannot list resource' output
grep -q "^DoRaw: *unknown" output
