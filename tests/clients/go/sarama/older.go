//go:build older

package main

// The last release under its former name: ./test.sh builds the same program with it, the import renamed.
import _ "github.com/Shopify/sarama"
