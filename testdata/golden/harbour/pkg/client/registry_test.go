package client

// endpoints are of a registry that is not there.
var endpoints = []string{"127.0.0.1:1"}
