// Package bench measures svc against the floor: protoc with protoc-gen-go and protoc-gen-go-grpc on the same input.
// The method and the figures are in docs/performance.md.
package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Module is that of the projects that are measured. The contracts' go_package options lie inside it,
// so that protoc needs no mapping.
const Module = "example.com/bench"

// Size is a contract that speed is measured on.
type Size struct {
	Name  string
	files func() map[string]string
	// Limits of svc generate in floors: everything generated, an rpc added to a project with every handler edited (0 is no
	// limit), and nothing changed.
	Whole, Change, Nothing float64
}

// Sizes are one service with one rpc; a shop of 9 services with 40 rpcs; 100 files with 5 services of 6 rpcs each.
var Sizes = []Size{
	{"small", small, 5, 0, 2},
	{"medium", medium, 2, 0, 0.5},
	{"large", large, 1.2, 0.6, 0.2},
}

// Write writes the contract into dir.
func (s Size) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range s.files() {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func header(protoPackage, dir string) string {
	return fmt.Sprintf("syntax = \"proto3\";\n\npackage %s;\n\noption go_package = \"%s/gen/%s\";\n\n", protoPackage, Module, dir)
}

func small() map[string]string {
	return map[string]string{"helloworld.proto": header("helloworld", "helloworld") + `// The greeting service.
service Greeter {
  // Says hello.
  rpc SayHello (HelloRequest) returns (HelloReply);
}

message HelloRequest {
  string name = 1;
}

message HelloReply {
  string message = 1;
}
`}
}

// shop lists services, each with its rpcs.
const shop = `Catalog GetProduct ListProducts SearchProducts CreateProduct UpdateProduct
Cart AddItem GetCart RemoveItem EmptyCart
Order PlaceOrder GetOrder ListOrders CancelOrder RefundOrder
Payment Charge RefundCharge GetCharge ListCharges
Shipping GetQuote ShipOrder TrackShipment CancelShipment
Currency GetSupportedCurrencies Convert GetRates
Email SendOrderConfirmation SendShippingNotice GetTemplate RenderTemplate
Recommendation ListRecommendations RecordView TrainModel GetModel ListModels
User Register Login GetUser UpdateUser DeleteUser ListUsers`

func medium() map[string]string {
	var b strings.Builder
	b.WriteString(header("shop", "shop"))
	b.WriteString(`message Money {
  string currency_code = 1;
  int64 units = 2;
  int32 nanos = 3;
}

message Address {
  string street = 1;
  string city = 2;
  string country = 3;
  int32 zip_code = 4;
}

`)
	for line := range strings.Lines(shop) {
		names := strings.Fields(line)
		service(&b, names[0], names[1:])
	}
	return map[string]string{"shop.proto": b.String()}
}

func service(b *strings.Builder, name string, rpcs []string) {
	fmt.Fprintf(b, "// %sService is the %s part of the shop.\nservice %[1]sService {\n", name, strings.ToLower(name))
	for _, rpc := range rpcs {
		fmt.Fprintf(b, "  // %s of %s.\n  rpc %[1]s (%[2]s%[1]sRequest) returns (%[2]s%[1]sResponse);\n", rpc, name)
	}
	b.WriteString("}\n\n")
	for _, rpc := range rpcs {
		fmt.Fprintf(b, `message %s%sRequest {
  string id = 1;
  string name = 2;
  int64 quantity = 3;
  repeated string tags = 4;
  Money price = 5;
  bool active = 6;
}

message %[1]s%[2]sResponse {
  string id = 1;
  repeated Money totals = 2;
  Address address = 3;
  map<string, string> labels = 4;
  double score = 5;
  bytes payload = 6;
}

`, name, rpc)
	}
}

func large() map[string]string {
	files := map[string]string{}
	for f := range 100 {
		name := fmt.Sprintf("f%03d", f)
		var b strings.Builder
		b.WriteString(header("big."+name, "big/"+name))
		for s := range 5 {
			largeService(&b, fmt.Sprintf("F%03dS%d", f, s))
		}
		files[name+".proto"] = b.String()
	}
	return files
}

func largeService(b *strings.Builder, name string) {
	const rpcs = 6
	fmt.Fprintf(b, "service %s {\n", name)
	for r := range rpcs {
		fmt.Fprintf(b, "  rpc Call%d (%s) returns (%s);\n", r, fmt.Sprintf("%sR%dReq", name, r), fmt.Sprintf("%sR%dRes", name, r))
	}
	b.WriteString("}\n\n")
	for r := range rpcs {
		fmt.Fprintf(b, `message %sR%dReq {
  string id = 1;
  int64 n = 2;
  repeated string tags = 3;
  map<string, string> labels = 4;
}

message %[1]sR%[2]dRes {
  string id = 1;
  bytes payload = 2;
  double score = 3;
  bool ok = 4;
}

`, name, r)
	}
}
