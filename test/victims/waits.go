// A Go victim: waits in every way it knows, a second each, all at the same time. Protocol: test/README.md.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const asked = time.Second

var waits = []struct {
	name string
	wait func()
}{
	{"time.Sleep", func() { time.Sleep(asked) }},
	{"time.After", func() { <-time.After(asked) }},
	{"time.Timer", func() { <-time.NewTimer(asked).C }},
	{"time.Ticker", tick},
	{"context.WithTimeout", func() { outlive(context.WithTimeout(context.Background(), asked)) }},
	// Round strips a time of its monotonic reading: the wall clock decides.
	{"context.WithDeadline, wall clock", func() {
		outlive(context.WithDeadline(context.Background(), time.Now().Round(0).Add(asked)))
	}},
	{"sync.Cond by a timer", waitForCond},
	{"net.Conn.SetReadDeadline", readUntilDeadline},
}

func tick() {
	ticker := time.NewTicker(asked)
	defer ticker.Stop()
	<-ticker.C
}

func outlive(ctx context.Context, cancel context.CancelFunc) {
	defer cancel()
	<-ctx.Done()
}

func waitForCond() {
	done := false
	cond := sync.NewCond(&sync.Mutex{})
	time.AfterFunc(asked, func() {
		cond.L.Lock()
		defer cond.L.Unlock()
		done = true
		cond.Broadcast()
	})
	cond.L.Lock()
	defer cond.L.Unlock()
	for !done {
		cond.Wait()
	}
}

// A socket of the kernel, so that the network poller does the waiting.
func readUntilDeadline() {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(asked)); err != nil {
		panic(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !os.IsTimeout(err) {
		panic(err)
	}
}

// Seconds since boot, which the kernel has written: no function that reads a clock is asked.
func trueTime() float64 {
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		panic(err)
	}
	seconds, err := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
	if err != nil {
		panic(err)
	}
	return seconds
}

func say(answer map[string]any) {
	line, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	os.Stdout.Write(append(line, '\n'))
}

func measure(name string, wait func()) {
	say(map[string]any{"began": name})
	began := trueTime()
	wait()
	say(map[string]any{"ended": name, "seconds": trueTime() - began})
}

func main() {
	names := []string{}
	for _, each := range waits {
		names = append(names, each.name)
	}
	say(map[string]any{"waits": names})
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if lines.Text() != "wait" {
			say(map[string]any{"here": os.Getpid()})
			continue
		}
		for _, each := range waits {
			go measure(each.name, each.wait)
		}
	}
}
