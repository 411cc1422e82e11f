// One of two replicas of a small store. Each write is stamped by the clock of the replica that takes it, and of two writes
// the one with the later stamp is kept, as Cassandra and Dynamo-style stores do it. A write is acknowledged when both
// replicas have it.
//
//	replica PORT PEER
//
// Both are ports on 127.0.0.1. Each line is a request in JSON, each answer one line:
//
//	{"do": "put", "key": "k", "value": "v"}                 {"stamp": "ns since 1970"}
//	{"do": "get", "key": "k"}                               {"value": "v", "stamp": "…"}
//	{"do": "clock"}                                         {"stamp": "…"}, what its clock shows
//	{"do": "merge", "key": "k", "value": "v", "stamp": "…"} {"stamp": "…"}, from the other replica
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"sync"
	"time"
)

type request struct {
	Do    string `json:"do"`
	Key   string `json:"key,omitempty"`
	Value string `json:"value,omitempty"`
	Stamp int64  `json:"stamp,string,omitempty"`
}

type answer struct {
	Value string `json:"value,omitempty"`
	Stamp int64  `json:"stamp,string,omitempty"`
	Error string `json:"error,omitempty"`
}

type written struct {
	value string
	stamp int64
}

type replica struct {
	lock sync.Mutex
	data map[string]written
	peer peer
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: replica PORT PEER")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening")
	r := &replica{data: map[string]written{}, peer: peer{address: "127.0.0.1:" + os.Args[2]}}
	for {
		connection, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go r.serve(connection)
	}
}

func (r *replica) serve(connection net.Conn) {
	defer connection.Close()
	answers := json.NewEncoder(connection)
	for lines := bufio.NewScanner(connection); lines.Scan(); {
		var asked request
		err := json.Unmarshal(lines.Bytes(), &asked)
		var told answer
		if err == nil {
			told, err = r.do(asked)
		}
		if err != nil {
			told = answer{Error: err.Error()}
		}
		if answers.Encode(told) != nil {
			return
		}
	}
}

func (r *replica) do(asked request) (answer, error) {
	switch asked.Do {
	case "put":
		asked.Do, asked.Stamp = "merge", time.Now().UnixNano()
		r.merge(asked)
		_, err := r.peer.ask(asked)
		return answer{Stamp: asked.Stamp}, err
	case "merge":
		r.merge(asked)
		return answer{Stamp: asked.Stamp}, nil
	case "get":
		r.lock.Lock()
		defer r.lock.Unlock()
		found := r.data[asked.Key]
		return answer{Value: found.value, Stamp: found.stamp}, nil
	case "clock":
		return answer{Stamp: time.Now().UnixNano()}, nil
	}
	return answer{}, fmt.Errorf("unknown request %q", asked.Do)
}

// The last write wins; of two with the same stamp, the greater value, so that both replicas come to the same.
func (r *replica) merge(new request) {
	r.lock.Lock()
	defer r.lock.Unlock()
	old := r.data[new.Key]
	if new.Stamp > old.stamp || new.Stamp == old.stamp && new.Value > old.value {
		r.data[new.Key] = written{new.Value, new.Stamp}
	}
}

// The other replica, through one connection.
type peer struct {
	address string
	lock    sync.Mutex
	socket  net.Conn
	lines   *bufio.Reader
}

func (p *peer) ask(asked request) (told answer, err error) {
	p.lock.Lock()
	defer p.lock.Unlock()
	if p.socket == nil {
		if p.socket, err = net.Dial("tcp", p.address); err != nil {
			p.socket = nil
			return told, err
		}
		p.lines = bufio.NewReader(p.socket)
	}
	if err = json.NewEncoder(p.socket).Encode(asked); err != nil {
		return told, err
	}
	line, err := p.lines.ReadBytes('\n')
	if err != nil {
		return told, err
	}
	return told, json.Unmarshal(line, &told)
}
