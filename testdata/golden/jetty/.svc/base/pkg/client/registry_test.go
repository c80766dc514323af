package client

// endpoints are of a network that is not there.
var endpoints = []string{"none"}
