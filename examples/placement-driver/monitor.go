// What TiDB's placement driver does to know whether it may go on handing out timestamps: it reads the wall clock again and
// again, here every 50 ms, and logs an error when a reading is earlier than the one before. Each reading is logged as
// well, so that others can follow this clock.
package main

import (
	"fmt"
	"time"
)

func main() {
	last := time.Now().UnixNano() // an integer: two time.Time would be compared by their monotonic clocks
	for range time.Tick(50 * time.Millisecond) {
		now := time.Now().UnixNano()
		say(now, "INFO", "system time", "now", now)
		if now < last {
			say(now, "ERROR", "system time jump backward", "last", last)
		}
		last = now
	}
}

// In the placement driver's format, stamped by the clock that is watched.
func say(now int64, level, message, field string, ns int64) {
	stamp := time.Unix(0, now).Format("2006/01/02 15:04:05.000 -07:00")
	fmt.Printf("[%s] [%s] [monitor.go] [%q] [%s=%d]\n", stamp, level, message, field, ns)
}
