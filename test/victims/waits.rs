//! A Rust victim: waits in every way it knows, a second each, all at the same time. Protocol: test/README.md.

use std::io::{stdin, stdout, BufRead, Write};
use std::sync::{mpsc, Condvar, Mutex};
use std::time::Duration;
use std::{fs, process, thread};

const ASKED: Duration = Duration::from_secs(1);

const WAITS: [(&str, fn()); 5] = [
    ("thread::sleep", || thread::sleep(ASKED)),
    ("thread::park_timeout", || thread::park_timeout(ASKED)),
    ("Condvar::wait_timeout", wait_for_condition),
    ("Condvar::wait_timeout_while", wait_while),
    ("Receiver::recv_timeout", receive),
];

fn wait_for_condition() {
    let mutex = Mutex::new(());
    let guard = mutex.lock().unwrap();
    let _ = Condvar::new().wait_timeout(guard, ASKED).unwrap();
}

fn wait_while() {
    let mutex = Mutex::new(());
    let guard = mutex.lock().unwrap();
    let _ = Condvar::new().wait_timeout_while(guard, ASKED, |_| true).unwrap();
}

fn receive() {
    let (_sender, receiver) = mpsc::channel::<()>();
    receiver.recv_timeout(ASKED).unwrap_err();
}

/// Seconds since boot, which the kernel has written: no function that reads a clock is asked.
fn true_time() -> f64 {
    let text = fs::read_to_string("/proc/uptime").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

fn say(answer: String) {
    let mut out = stdout().lock();
    writeln!(out, "{answer}").unwrap();
    out.flush().unwrap();
}

fn measure(name: &str, wait: fn()) {
    say(format!(r#"{{"began":"{name}"}}"#));
    let began = true_time();
    wait();
    say(format!(r#"{{"ended":"{name}","seconds":{}}}"#, true_time() - began));
}

fn main() {
    say(format!(r#"{{"waits":{:?}}}"#, WAITS.map(|(name, _)| name)));
    for line in stdin().lock().lines() {
        if line.unwrap() == "wait" {
            for (name, wait) in WAITS {
                thread::spawn(move || measure(name, wait));
            }
        } else {
            say(format!(r#"{{"here":{}}}"#, process::id()));
        }
    }
}
