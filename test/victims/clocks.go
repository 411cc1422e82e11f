// A Go victim: answers each line on stdin with its wall clock and its monotonic clock, in ns. The monotonic
// clock counts from the start of the program. Built once as it is and once stripped of its symbols.
package main

import (
	"bufio"
	"fmt"
	"os"
	"time"
)

func main() {
	start := time.Now()
	lines := bufio.NewScanner(os.Stdin)
	fmt.Printf("{\"pid\":%d}\n", os.Getpid())
	for lines.Scan() {
		now := time.Now()
		fmt.Printf("{\"wall\":\"%d\",\"monotonic\":\"%d\"}\n", now.UnixNano(), now.Sub(start).Nanoseconds())
	}
}
