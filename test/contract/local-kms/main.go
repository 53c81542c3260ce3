// Serves local-kms on the loopback interface: its own command listens on all of them.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/nsmithuk/local-kms/src"
	"github.com/nsmithuk/local-kms/src/config"
	"github.com/nsmithuk/local-kms/src/data"
)

func main() {
	config.AWSRegion = "eu-west-1"
	config.AWSAccountId = "123456789012"
	folder, err := os.MkdirTemp("", "drover-local-kms-")
	if err != nil {
		log.Fatal(err)
	}
	database := data.NewDatabase(folder)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		// Whoever has started it holds the other end, and may be killed at any time.
		io.Copy(io.Discard, os.Stdin)
		database.Close()
		os.RemoveAll(folder)
		os.Exit(0)
	}()
	fmt.Printf("http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		src.HandleRequest(w, r, database)
	})))
}
