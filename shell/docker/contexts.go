package docker

import (
	"errors"
	"fmt"
	"path"

	"github.com/docker/cli/cli/command"
	contextdocker "github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	"github.com/opencontainers/go-digest"
)

// contextStore is a store of contexts that holds only the default one, the lab's engine.
type contextStore struct{ inv *invocation }

var _ store.Store = contextStore{}

// errOneContext is the answer to every change of the store.
var errOneContext = errors.New("the lab has one engine, and so the default context only")

func contextNotFound(configDir, name string) error {
	dir := digest.FromString(name).Encoded()
	return fmt.Errorf("context %q: context not found: open %s: no such file or directory",
		name, path.Join(configDir, "contexts/meta", dir, "meta.json"))
}

func (s contextStore) defaultContext() store.Metadata {
	host, _ := s.inv.engineHost()
	return store.Metadata{
		Name:     command.DefaultContextName,
		Metadata: command.DockerContext{},
		Endpoints: map[string]any{
			contextdocker.DockerEndpoint: contextdocker.EndpointMeta{Host: host},
		},
	}
}

func (s contextStore) GetMetadata(name string) (store.Metadata, error) {
	if name != command.DefaultContextName {
		return store.Metadata{}, contextNotFound(s.inv.configDir, name)
	}
	return s.defaultContext(), nil
}

func (s contextStore) List() ([]store.Metadata, error) {
	return []store.Metadata{s.defaultContext()}, nil
}

func (s contextStore) ListTLSFiles(string) (map[string]store.EndpointFiles, error) {
	return map[string]store.EndpointFiles{}, nil
}

func (s contextStore) GetTLSData(contextName, endpointName, fileName string) ([]byte, error) {
	return nil, fmt.Errorf("context %q has no TLS file %s/%s", contextName, endpointName, fileName)
}

func (s contextStore) GetStorageInfo(string) store.StorageInfo {
	return store.StorageInfo{MetadataPath: "<IN MEMORY>", TLSPath: "<IN MEMORY>"}
}

func (s contextStore) CreateOrUpdate(store.Metadata) error                  { return errOneContext }
func (s contextStore) Remove(string) error                                  { return errOneContext }
func (s contextStore) ResetTLSMaterial(string, *store.ContextTLSData) error { return errOneContext }
func (s contextStore) ResetEndpointTLSMaterial(string, string, *store.EndpointTLSData) error {
	return errOneContext
}
