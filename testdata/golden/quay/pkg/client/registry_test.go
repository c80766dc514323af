package client

// endpoints are of Services that are not there.
var endpoints = []string{"a.v1.A=a-headless:9090", "b.v1.B=b-headless:9090"}
