// Builds the Vault server and command line from the published Go module, for machines that reach a Go module proxy but
// no container registry.
package main

import (
	"os"

	"github.com/hashicorp/vault/command"
)

func main() {
	os.Exit(command.Run(os.Args[1:]))
}
