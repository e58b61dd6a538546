//! Where the time of a run goes: every request with its start, how long it took and how much went and came.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Describes one request.
#[derive(Debug, Clone)]
pub struct Timing {
    /// The target that it was sent for.
    pub target: String,
    /// The method.
    pub method: String,
    /// Host and path, without a query.
    pub place: String,
    /// When it was sent, from the beginning of the run on.
    pub start: Duration,
    /// How long it took until the whole answer was there.
    pub wait: Duration,
    /// How many bytes of body were sent.
    pub sent: usize,
    /// How many bytes of body came back.
    pub received: usize,
    /// The status, or what came in its place.
    pub outcome: String,
}

/// Collects the requests of a run.
#[derive(Debug)]
pub struct Timings {
    begun: Instant,
    all: RefCell<Vec<Timing>>,
}

impl Default for Timings {
    fn default() -> Self {
        Self { begun: Instant::now(), all: RefCell::default() }
    }
}

impl Timings {
    /// Returns how long the run has lasted.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Enters a request.
    pub fn enter(&self, timing: Timing) {
        self.all.borrow_mut().push(timing);
    }

    /// Returns a line for each request, in the order in which they were sent, and one for the whole.
    #[must_use]
    pub fn table(&self) -> String {
        let mut all = self.all.borrow().clone();
        all.sort_by_key(|timing| timing.start);
        let width = all.iter().map(|timing| timing.target.chars().count()).max().unwrap_or(0).max(6);
        let mut text = format!(
            "{:>9} {:>9} {:>7} {:>8}  {:<6}  {:<width$}  REQUEST\n",
            "START ms", "WAIT ms", "SENT", "RECEIVED", "STATUS", "TARGET"
        );
        let milliseconds = |time: Duration| time.as_secs_f64() * 1_000.0;
        for timing in &all {
            let _ = writeln!(
                text,
                "{:>9.1} {:>9.1} {:>7} {:>8}  {:<6}  {:<width$}  {} {}",
                milliseconds(timing.start),
                milliseconds(timing.wait),
                timing.sent,
                timing.received,
                timing.outcome,
                timing.target,
                timing.method,
                timing.place
            );
        }
        let end = all.iter().map(|timing| timing.start + timing.wait).max().unwrap_or_default();
        let waited: Duration = all.iter().map(|timing| timing.wait).sum();
        let _ = write!(
            text,
            "{} requests in {:.1} ms; one after the other they would have taken {:.1} ms",
            all.len(),
            milliseconds(end),
            milliseconds(waited)
        );
        text
    }

    /// Returns them in the form that the browsers' tracing pages and Perfetto read, one row a target.
    ///
    /// <https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU>
    #[must_use]
    pub fn trace(&self) -> Value {
        let all = self.all.borrow();
        let mut targets: Vec<&str> = Vec::new();
        let mut events = Vec::new();
        for timing in all.iter() {
            let row = targets.iter().position(|known| *known == timing.target).unwrap_or_else(|| {
                targets.push(&timing.target);
                targets.len() - 1
            });
            events.push(json!({
                "name": format!("{} {}", timing.method, timing.place),
                "cat": "request",
                "ph": "X",
                "ts": timing.start.as_micros() as u64,
                "dur": timing.wait.as_micros() as u64,
                "pid": 1,
                "tid": row,
                "args": {
                    "target": timing.target, "status": timing.outcome,
                    "sent": timing.sent, "received": timing.received,
                },
            }));
        }
        for (row, target) in targets.iter().enumerate() {
            let name = json!({"name": target});
            events.push(json!({"name": "thread_name", "ph": "M", "pid": 1, "tid": row, "args": name}));
        }
        json!({"traceEvents": events, "displayTimeUnit": "ms"})
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn timing(target: &str, start: u64, wait: u64) -> Timing {
        Timing {
            target: target.to_owned(),
            method: "GET".to_owned(),
            place: "https://a.example/b".to_owned(),
            start: Duration::from_millis(start),
            wait: Duration::from_millis(wait),
            sent: 1,
            received: 22,
            outcome: "200".to_owned(),
        }
    }

    #[test]
    fn the_table_stands_in_the_order_of_sending_and_sums_up() {
        let timings = Timings::default();
        timings.enter(timing("b", 60, 50));
        timings.enter(timing("catalog", 0, 50));
        let table = timings.table();
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[1].contains("catalog") && lines[2].contains(" b "), "{table}");
        assert!(lines[3].starts_with("2 requests in 110.0 ms;") && lines[3].contains("100.0 ms"), "{table}");
    }

    #[test]
    fn the_trace_has_a_row_for_each_target_and_times_in_microseconds() {
        let timings = Timings::default();
        for (target, start) in [("a", 0), ("b", 1), ("a", 2)] {
            timings.enter(timing(target, start, 5));
        }
        let trace = timings.trace();
        let events = trace["traceEvents"].as_array().unwrap();
        let rows: Vec<u64> =
            events.iter().filter(|e| e["ph"] == "X").map(|e| e["tid"].as_u64().unwrap()).collect();
        assert_eq!(rows, [0, 1, 0]);
        assert_eq!((&events[2]["ts"], &events[2]["dur"]), (&json!(2_000), &json!(5_000)));
        assert_eq!(events.iter().filter(|e| e["ph"] == "M").count(), 2);
    }
}
