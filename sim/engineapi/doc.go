// Package engineapi is the Docker Engine API, version 1.41, over HTTP: what the stock docker
// clients, SDKs and the lab's own client speak to a container.Engine.
//
// NewHandler serves every path of the API below an optional "/v1.NN". What the engine refuses is
// answered in its own words and status (see package container); what the lab does not have, such
// as a swarm, is refused as an engine refuses that has it switched off. There is one file for each
// resource.
package engineapi
