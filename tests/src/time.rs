//! Simulated time: a sleep takes no real time, and the clock moves only when nothing else is left to do.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::future::poll_fn;
use lakekey_core::{Clock, LocalFuture, Timestamp};
use lakekey_emulator::Emulator;

type Timers = Rc<RefCell<BTreeMap<(i64, usize), Waker>>>;

/// Tells the emulator's time, set wrong by a fixed amount if wanted.
#[derive(Clone)]
pub struct SimulatedClock {
    emulator: Emulator,
    /// How far the machine's clock is ahead of the services', in milliseconds.
    ahead: i64,
    timers: Timers,
    next: Rc<Cell<usize>>,
}

impl SimulatedClock {
    /// Makes the clock of a machine that is ahead of the services by so many milliseconds.
    #[must_use]
    pub fn new(emulator: &Emulator, ahead: i64) -> Self {
        Self { emulator: emulator.clone(), ahead, timers: Rc::default(), next: Rc::default() }
    }

    /// Drives a future to its end; `None` where it can never end, since its process was killed.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        struct Flag(AtomicBool);
        impl Wake for Flag {
            fn wake(self: Arc<Self>) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let flag = Arc::new(Flag(AtomicBool::new(false)));
        let waker = Waker::from(flag.clone());
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return Some(value);
            }
            if flag.0.swap(false, Ordering::Relaxed) {
                continue;
            }
            let ((at, _), timer) = self.timers.borrow_mut().pop_first()?;
            let left = at - self.emulator.now_ms();
            if let Ok(left) = u64::try_from(left) {
                self.emulator.advance(Duration::from_millis(left));
            }
            timer.wake();
        }
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.emulator.now_ms() + self.ahead).unwrap()
    }

    fn sleep(&self, duration: Duration) -> LocalFuture<'_, ()> {
        let at = self.emulator.now_ms() + i64::try_from(duration.as_millis()).unwrap();
        let id = self.next.get();
        self.next.set(id + 1);
        Box::pin(poll_fn(move |context| {
            if self.emulator.now_ms() >= at {
                return Poll::Ready(());
            }
            self.timers.borrow_mut().insert((at, id), context.waker().clone());
            Poll::Pending
        }))
    }
}
