//! What a person sees while something takes long: at a terminal what is waited for and since when, with a bar
//! for a fleet; elsewhere a line a minute.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long nothing is said where no terminal shows what is going on.
pub(crate) const SILENCE: Duration = Duration::from_secs(60);

/// Shows how far a run has come.
pub(crate) struct Progress {
    /// What is drawn at a terminal.
    bar: Option<ProgressBar>,
    /// What was said last.
    last: RefCell<String>,
    /// When that was.
    since: Cell<Instant>,
    ended: Cell<usize>,
    targets: usize,
}

impl Progress {
    /// Begins for that many targets; a terminal gets a picture.
    pub(crate) fn begin(targets: usize, is_terminal: bool) -> Self {
        let bar = is_terminal.then(|| {
            let bar = ProgressBar::with_draw_target(Some(targets as u64), ProgressDrawTarget::stderr());
            let template = match targets {
                0 | 1 => "{spinner} {elapsed} {wide_msg}",
                _ => "{spinner} {elapsed} [{bar:20}] {pos}/{len} {wide_msg}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let last = RefCell::new("beginning".to_owned());
        Self { bar, last, since: Cell::new(Instant::now()), ended: Cell::new(0), targets }
    }

    /// Notes what is being done.
    pub(crate) fn said(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(what.to_owned());
        }
        what.clone_into(&mut self.last.borrow_mut());
        self.since.set(Instant::now());
    }

    /// Notes that all is done for a target.
    pub(crate) fn ended(&self) {
        self.ended.set(self.ended.get() + 1);
        if let Some(bar) = &self.bar {
            bar.set_position(self.ended.get() as u64);
        }
    }

    /// Has something printed without the picture in its way.
    pub(crate) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Returns what is to be said where nothing was said for a while and nobody sees a picture.
    pub(crate) fn still(&self, now: Instant) -> Option<String> {
        let silent = now.saturating_duration_since(self.since.get());
        (self.bar.is_none() && silent >= SILENCE).then(|| {
            let minutes = silent.as_secs() / 60;
            let last = self.last.borrow();
            match self.targets {
                0 | 1 => format!("still at work, for {minutes} min: {last}"),
                all => {
                    format!(
                        "still at work, for {minutes} min, {} of {all} targets done: {last}",
                        self.ended.get()
                    )
                }
            }
        })
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn who_sees_no_picture_is_told_after_a_minute_of_silence_and_not_before() {
        let progress = Progress::begin(3, false);
        progress.said("catalog  create-token  waiting: the limit is reached, for 31 min");
        progress.ended();
        let began = progress.since.get();
        assert_eq!(progress.still(began + SILENCE - Duration::from_secs(1)), None);
        assert_eq!(
            progress.still(began + 2 * SILENCE).unwrap(),
            "still at work, for 2 min, 1 of 3 targets done: catalog  create-token  waiting: the limit is reached, for 31 min"
        );
        let alone = Progress::begin(1, false);
        let began = alone.since.get();
        assert_eq!(alone.still(began + SILENCE).unwrap(), "still at work, for 1 min: beginning");
    }

    #[test]
    fn what_is_printed_is_printed_with_and_without_a_picture() {
        for is_terminal in [true, false] {
            assert_eq!(Progress::begin(2, is_terminal).aside(|| 7), 7);
        }
    }
}
