package cli

import (
	"strings"
	"testing"

	"github.com/svcgen/svc/internal/manifest"
)

// written lists apps as --app takes them.
func written(apps []manifest.App) string {
	var list []string
	for _, a := range apps {
		var services []string
		for _, s := range a.Services {
			services = append(services, s.Name)
		}
		list = append(list, a.Name+"="+strings.Join(services, ","))
	}
	return strings.Join(list, " ")
}

func TestParseApps(t *testing.T) {
	services := []string{"a.v1.Cart", "b.v1.Cart", "b.v1.Pay"}
	for _, tc := range []struct{ args, want, err string }{
		{args: "web", want: "web=*"},
		{args: "web=*", want: "web=*"},
		{args: "web=a.v1.Cart,Pay", want: "web=a.v1.Cart,b.v1.Pay"},
		{args: "web=a.v1.Cart pay=Pay", want: "web=a.v1.Cart pay=b.v1.Pay"},
		{args: "web=a.v1.Cart,v1.Pay", want: "web=a.v1.Cart,b.v1.Pay"},
		{args: "web=Cart", err: `--app web=Cart: service "Cart" may be any of a.v1.Cart, b.v1.Cart`},
		{args: "web=Art", err: `--app web=Art: the contract has no service "Art"; it has a.v1.Cart, b.v1.Cart, b.v1.Pay`},
		{args: "web=", err: `--app web=: the contract has no service ""; it has a.v1.Cart, b.v1.Cart, b.v1.Pay`},
		{args: "web web=Pay", err: "--app web=Pay: app web is named twice"},
		{args: "=Pay", err: `--app =Pay: "" is not a name: use 1 to 40 of a-z, 0-9 and -, starting with a letter and not ending in -`},
	} {
		apps, err := parseApps(strings.Fields(tc.args), services)
		var said string
		if err != nil {
			said = err.Error()
		}
		if got := written(apps); said != tc.err || tc.err == "" && got != tc.want {
			t.Errorf("%s: got %q, error %q\nwant %q, error %q", tc.args, got, said, tc.want, tc.err)
		}
	}
}

func TestAppsPerService(t *testing.T) {
	for _, tc := range []struct{ services, want, err string }{
		{services: "shop.v1.CartService", want: "cart=shop.v1.CartService"},
		{services: "shop.v1.Service", want: "service=shop.v1.Service"},
		{services: "NoPackage", want: "no-package=NoPackage"},
		{services: "shop.v1.HTTPGateway", want: "httpgateway=shop.v1.HTTPGateway"},
		{services: "shop.v1.user_directory", want: "user-directory=shop.v1.user_directory"},
		{services: "a.v1.Cart b.v1.Cart", want: "cart=a.v1.Cart b-v1-cart=b.v1.Cart"},
		{services: "a.v1.Cart a.v1.CartService", want: "cart=a.v1.Cart a-v1-cart=a.v1.CartService"},
		{
			services: "a.v1._",
			err:      "--app-per-service finds no name for the app of a.v1._: use --app NAME=a.v1._",
		},
		{
			services: "a.AnExtremelyLongNameOfAServiceThatNobodyWouldType",
			err:      "--app-per-service finds no name for the app of a.AnExtremelyLongNameOfAServiceThatNobodyWouldType: use --app NAME=a.AnExtremelyLongNameOfAServiceThatNobodyWouldType",
		},
	} {
		apps, err := appsPerService(strings.Fields(tc.services))
		var said string
		if err != nil {
			said = err.Error()
		}
		if got := written(apps); said != tc.err || tc.err == "" && got != tc.want {
			t.Errorf("%s: got %q, error %q\nwant %q, error %q", tc.services, got, said, tc.want, tc.err)
		}
	}
}
